"""What is in a release, as CycloneDX: from the locks, and the metadata of the packages as they are installed here."""

import hashlib
import importlib.metadata
import json
import platform
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LOCKED = re.compile(r"(?m)^(?P<name>[a-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<hashes>[^#]*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SCHEMA = SchemaVersion.V1_6
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "openl2m-stats")


class SbomError(Exception):
    """The list cannot be made; the text says why."""


def sbom(artifact: Path, *, version: str, lock: Path, roots: Iterable[str], files: Iterable[Path], epoch: int) -> str:
    """Return what `artifact` consists of or needs: `roots` and what they need, as far as `lock` has it, and `files`.

    Raise SbomError, also if the text does not match the published schema.
    """
    locked = {found["name"]: found for found in _LOCKED.finditer(lock.read_text())}
    needs = _needs(map(canonicalize_name, roots), locked)
    components = {name: _library(name, locked[name]) for name in needs}
    licences = LicenseFactory()
    whole = Component(
        name="openl2m-stats",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=artifact.name,
        purl=PackageURL("generic", None, "openl2m-stats", version),  # it is not on PyPI
        licenses=[licences.make_from_string("MIT")],
        hashes=[_hash(artifact)],
        properties=[Property(name="file", value=artifact.name)],
    )
    data = [
        Component(name=path.name, type=ComponentType.DATA, bom_ref=path.name, hashes=[_hash(path)]) for path in files
    ]
    built = f"{platform.python_implementation()} {platform.python_version()}"
    bom = Bom(
        components=[*components.values(), *data],
        serial_number=uuid.uuid5(_NAMESPACE, whole.hashes[0].content),
        metadata=BomMetaData(
            component=whole,
            timestamp=datetime.fromtimestamp(epoch, UTC),
            properties=[Property(name="openl2m-stats:built-with", value=built)],
        ),
    )
    bom.register_dependency(whole, [*(components[canonicalize_name(name)] for name in roots), *data])
    for name, needed in needs.items():
        bom.register_dependency(components[name], [components[each] for each in needed])
    text: str = make_outputter(bom, OutputFormat.JSON, _SCHEMA).output_as_string(indent=1) + "\n"
    if problem := JsonStrictValidator(_SCHEMA).validate_str(text):
        raise SbomError(f"The list of what is in {artifact.name} does not match CycloneDX' schema: {problem}")
    return text


def pins(text: str) -> str:
    """Return the packages of a list with their versions, as constraints for pip."""
    libraries = [each for each in json.loads(text)["components"] if each["type"] == "library"]
    return "".join(f"{each['name']}=={each['version']}\n" for each in libraries)


def _needs(roots: Iterable[str], locked: Mapping[str, re.Match[str]]) -> dict[str, list[str]]:
    """Return what each package needs, for all that `roots` lead to, as far as it is locked."""
    found: dict[str, list[str]] = {}
    open_ = list(roots)
    while open_:
        name = open_.pop()
        if name in found:
            continue
        requirements = map(Requirement, importlib.metadata.requires(name) or [])
        needed = {canonicalize_name(each.name) for each in requirements if _applies(each)}
        found[name] = sorted(needed & set(locked))
        open_ += found[name]
    return dict(sorted(found.items()))


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or bool(requirement.marker.evaluate({"extra": ""}))


def _library(name: str, locked: re.Match[str]) -> Component:
    metadata = importlib.metadata.metadata(name)
    if metadata["Version"] != locked["version"]:
        raise SbomError(f"{name} is locked at {locked['version']}, and {metadata['Version']} is installed here.")
    version = locked["version"]
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in sorted(_HASH.findall(locked["hashes"]))]
    home = XsUri(f"https://pypi.org/project/{name}/{version}/")
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name}=={version}",
        purl=PackageURL("pypi", None, name, version),
        licenses=[LicenseFactory().make_from_string(_licence(metadata))],
        external_references=[ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=home, hashes=hashes)],
    )


def _licence(metadata: importlib.metadata.PackageMetadata) -> str:
    """Return the licence as the package states it: an SPDX expression, its old field, or a classifier."""
    stated: list[str] = metadata.get_all("License-Expression") or metadata.get_all("License") or []
    classifiers: list[str] = metadata.get_all("Classifier") or []
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    return next((each for each in [*stated, *named] if "\n" not in each), "unknown")


def _hash(path: Path) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(path.read_bytes()).hexdigest())
