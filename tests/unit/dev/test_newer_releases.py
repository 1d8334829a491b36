from pathlib import Path

from dev.build.newer_releases import main


def test_every_locked_package_has_a_newer_release(tmp_path: Path) -> None:
    main(tmp_path / "folder")
    names = {path.name for path in (tmp_path / "folder").iterdir()}
    assert names >= {f"{name}-9999-py3-none-any.whl" for name in ("botocore", "coverage", "aws_sam_cli", "uv")}
