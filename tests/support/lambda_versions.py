"""Lambda's versions in moto's CloudFormation, which gives them no id."""

from typing import Any

import pytest
from moto.awslambda.models import LambdaVersion


def know_by_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stack know a version by its ARN, as CloudFormation does."""
    create = LambdaVersion.create_from_cloudformation_json

    def create_with_id(name: str, resource: Any, account: str, region: str, **more: Any) -> Any:
        made: Any = create(name, resource, account, region, **more)
        function = resource["Properties"]["FunctionName"]
        made.physical_resource_id = f"arn:aws:lambda:{region}:{account}:function:{function}:{made.version}"
        return made

    monkeypatch.setattr(LambdaVersion, "create_from_cloudformation_json", create_with_id)
