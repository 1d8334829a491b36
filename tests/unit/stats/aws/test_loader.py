"""The loader reads what botocore's own does: plain files, compressed ones, and the operator's before botocore's."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from stats.aws.loader import SERVICES, ServiceLoader

KNOWN = sorted({*SERVICES} & {*Loader().list_available_services("service-2")})  # `signin` is newer than the rest


def loader(folder: Path) -> Loader:
    """Return a loader that looks into a folder, too."""
    loader = ServiceLoader()
    loader.search_paths.insert(0, str(folder))
    return loader


def test_it_knows_its_services_alone() -> None:
    assert ServiceLoader().list_available_services("service-2") == list(SERVICES)
    with pytest.raises(UnknownServiceError):
        ServiceLoader().load_service_model("ec2", "service-2")


@pytest.mark.parametrize("service", KNOWN)
def test_a_services_model_is_botocores_own(service: str) -> None:
    assert ServiceLoader().load_service_model(service, "service-2") == Loader().load_service_model(service, "service-2")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_is_read_as_plain_dictionaries(tmp_path: Path, compressed: bool) -> None:
    content: Any = {"a": {"é": [1]}}
    data = json.dumps(content, ensure_ascii=False).encode()
    (tmp_path / f"data.json{'.gz' if compressed else ''}").write_bytes(gzip.compress(data) if compressed else data)
    found = loader(tmp_path).load_data("data")
    assert found == content
    assert type(found) is type(found["a"]) is dict


def test_a_plain_file_counts_before_a_compressed_one(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('"plain"')
    (tmp_path / "data.json.gz").write_bytes(gzip.compress(b'"compressed"'))
    assert loader(tmp_path).load_data("data") == "plain"


def test_a_file_that_does_not_exist_is_botocores_error(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError):
        loader(tmp_path).load_data("absent")
