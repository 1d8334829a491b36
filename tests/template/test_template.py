"""What a deployment makes, for each set of parameters."""

import json
import re
from typing import Any

import pytest

from stats.base import settings
from stats.database.engines import ENGINES
from tests.support.stack import ROOT, TEMPLATE, Decider, load, of_type, parameters, schema, stack

VPC = {
    "VpcSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "VpcSecurityGroupIds": "sg-0123456789abcdef0,sg-0123456789abcdef1",
}
ENDPOINT = {
    **VPC,
    "SecretsManagerEndpoint": "true",
    "EndpointSubnetIds": "subnet-0123456789abcdef0",
    "S3EndpointRouteTableIds": "rtb-0123456789abcdef0,rtb-0123456789abcdef1",
    "VpcId": "vpc-0123456789abcdef0",
}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef"
ENDPOINT_URL = "https://vpce-0123456789abcdef0-abcdefgh.secretsmanager.us-east-1.vpce.amazonaws.com"
DOMAIN = {"DomainName": "stats.example.com", "CertificateArn": CERTIFICATE}
KEY = "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
DATABASE_KEY = "arn:aws:kms:us-east-1:123456789012:key/89abcdef-89ab-cdef-0123-456789abcdef"
SNS_ENDPOINT_URL = ENDPOINT_URL.replace(".secretsmanager", ".sns")
TOPIC = "arn:aws:sns:us-east-1:123456789012:operators"
NOTICES_TOPIC = "arn:aws:sns:us-east-1:123456789012:network"
FORMER_KEYS = f"{KEY[:-1]}a,{KEY[:-1]}b"
TOKEN_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:TokenSecret-1A2B-a1B2c3"
BUCKET = "openl2m-stats-snapshotbucket-1a2b3c"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
# Every parameter with another value than its default, but for those that rule each other out.
EVERYTHING: dict[str, Any] = {
    **ENDPOINT,
    **DOMAIN,
    "SnsEndpoint": "true",
    "HostedZoneId": "Z0123456789ABCDEFGHIJ",
    "BasePath": "network/openl2m",
    "TruststoreUri": "s3://truststores/clients.pem",
    "TruststoreVersion": "3HL4kqtJlcpXroDTDmJrmSpXd3dIbrHY",
    "DatabaseSecretKmsKeyArn": DATABASE_KEY,
    "DatabaseEngine": "aurora-postgresql",
    "DatabaseHost": "database.example.com",
    "DatabasePort": "6432",
    "DatabaseName": "netlab",
    "DatabaseCaFile": "/var/task/own.pem",
    "DatabaseResourceId": "prx-0123456789abcdef0",
    "DatabaseUser": "stats",
    "ApiEnabled": "false",
    "PageEnabled": "false",
    "TimeZone": "America/Los_Angeles",
    "ClientIpAllowed": "10.0.0.0/8,2001:db8::/32",
    "ClientIpDenied": "10.1.0.0/16",
    "ThrottlingRate": 7,
    "ThrottlingBurst": 8,
    "CacheTtlSeconds": 61,
    "MaxStaleSeconds": 62,
    "TokensTtlSeconds": 63,
    "TokensMaxStaleSeconds": 65,
    "TokensRefreshSeconds": 64,
    "RequestTimeoutSeconds": 20,
    "Architecture": "x86_64",
    "MemorySize": 1024,
    "ProvisionedConcurrency": 3,
    "ReservedConcurrency": "9",
    "PermissionsBoundaryArn": BOUNDARY,
    "KmsKeyArn": KEY,
    "FormerKmsKeyArns": FORMER_KEYS,
    "StackLabel": "Campus network",
    "Revision": "2026-11-24",
    "LogLevel": "WARNING",
    "SystemLogLevel": "WARN",
    "LogRetentionDays": 365,
    "AccessLog": "false",
    "Tracing": "PassThrough",
    "AlarmTopicArn": TOPIC,
    "NotifyTopicArn": NOTICES_TOPIC,
    "Dashboard": "true",
    "SnapshotMinutes": 60,
    "SnapshotRetentionDays": 7,
    "SnapshotPrefix": "openl2m/",
}
SETS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "vpc": VPC,
    "endpoint": ENDPOINT,
    "domain": DOMAIN,
    "domain with record": {**DOMAIN, "HostedZoneId": "Z0123456789ABCDEFGHIJ"},
    "snapstart": {"SnapStart": "PublishedVersions"},
    "provisioned": {"ProvisionedConcurrency": 2, "ReservedConcurrency": "2"},
    "dashboard": {"Dashboard": "true"},
    "cheap": {"AccessLog": "false", "Tracing": "PassThrough", "SnapshotMinutes": 1440},
    "mail": {"NotifyEmail": "network@example.com"},
    "notices": {**ENDPOINT, "SnsEndpoint": "true", "NotifyTopicArn": NOTICES_TOPIC, "Dashboard": "true"},
    "alarms elsewhere": {"AlarmTopicArn": TOPIC, "NotifyEmail": "network@example.com"},
    "notices elsewhere": {"NotifyTopicArn": NOTICES_TOPIC, "NotifyEmail": "network@example.com"},
    "adopted": {"TokenSecretArn": TOKEN_SECRET, "SnapshotBucketName": BUCKET},
    "everything": EVERYTHING,
}
# They rule something out that EVERYTHING has.
ALONE = {
    "SnapStart": "PublishedVersions",
    "NotifyEmail": "network@example.com",
    "TokenSecretArn": TOKEN_SECRET,
    "SnapshotBucketName": BUCKET,
}
RECORDS = ("ApiDomainRecord", "ApiDomainRecordIpv6")


def function(name: str = "StatsFunction", **given: Any) -> dict[str, Any]:
    properties: dict[str, Any] = stack(**given)[name]["Properties"]
    return properties


def statements(role: str = "StatsRole", **given: Any) -> list[tuple[str, Any, Any, Any]]:
    """Return all that a role is told: (effect, actions, resources, condition), each as it is written."""
    resources = stack(**given)
    properties = resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties["Policies"]]
    managed = [policy["Ref"] for policy in properties.get("ManagedPolicyArns", [])]  # AWS's own would have no "Ref"
    documents += [resources[name]["Properties"]["PolicyDocument"] for name in managed]
    return [
        (entry["Effect"], entry["Action"], entry["Resource"], entry.get("Condition"))
        for document in documents
        for entry in document["Statement"]
    ]


def test_everything_is_every_parameter() -> None:
    template = load()
    values = parameters(template, EVERYTHING)
    same = {name for name, value in parameters(template, {}).items() if values[name] == value}
    assert same == {"DatabaseSecretArn", *ALONE}


def test_timeout_is_five_seconds_more_than_a_request_has() -> None:
    template = load()
    timeouts = template["Mappings"]["FunctionTimeout"]
    allowed = template["Parameters"]["RequestTimeoutSeconds"]
    assert timeouts == {
        str(seconds): {"Seconds": seconds + 5} for seconds in range(allowed["MinValue"], allowed["MaxValue"] + 1)
    }


@pytest.mark.parametrize("level", ["INFO", "WARNING", "ERROR"])
@pytest.mark.parametrize("name", ["StatsFunction", "SnapshotFunction"])
def test_lambda_drops_no_metrics_whatever_the_functions_log(name: str, level: str) -> None:
    """Lambda takes a line without a level for one of INFO, which the lines of the metrics are."""
    found = function(name, LogLevel=level)
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    assert found["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    assert found["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == level


def test_debug_is_no_level() -> None:
    assert load()["Parameters"]["LogLevel"]["AllowedValues"] == ["INFO", "WARNING", "ERROR"]


def test_tracing_can_be_switched_off() -> None:
    resources = stack(Tracing="PassThrough")
    for name in ("StatsFunction", "SnapshotFunction"):
        assert resources[name]["Properties"]["TracingConfig"] == {"Mode": "PassThrough"}
    for role in ("StatsRole", "SnapshotRole"):
        assert "xray" not in json.dumps(resources[role])


def environment(name: str = "StatsFunction", **given: Any) -> dict[str, str]:
    """Return a function's variables; the token secret is called tokens, and the bucket is called bucket."""
    variables: dict[str, Any] = function(name, **given)["Environment"]["Variables"]
    assert variables["TOKENS_SECRET_ID"] == {"Ref": "TokenSecret"}
    assert variables["SNAPSHOT_BUCKET"] == {"Ref": "SnapshotBucket"}
    return {**variables, "TOKENS_SECRET_ID": "tokens", "SNAPSHOT_BUCKET": "bucket"}


NOTIFYING = {"NOTIFY_TOPIC_ARN", "PUBLIC_URL"}  # the snapshot function's alone


def test_variables_are_those_that_the_code_knows() -> None:
    libraries = {"RES_OPTIONS", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"}
    known = settings.OPTIONS.keys() | libraries
    given = SETS["notices"]
    assert environment(**given).keys() == known - NOTIFYING
    assert environment("SnapshotFunction", **given).keys() <= known | {"AWS_ENDPOINT_URL_SNS"}


def test_defaults_are_the_codes_own() -> None:
    required = {name: value for name, value in environment().items() if name.endswith("_SECRET_ID")}
    # The template names the database as OpenL2M's own example does; the code does so where no secret says otherwise.
    # It always has a bucket.
    own = {"DATABASE_NAME": "openl2m", "SNAPSHOT_BUCKET": "bucket", "STACK_LABEL": "openl2m-stats"}
    assert settings.load(environment()) == settings.load({**required, **own})


@pytest.mark.parametrize("given", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_snapshots_are_taken_with_the_apis_variables(given: dict[str, Any]) -> None:
    ours, theirs = environment("SnapshotFunction", **given), environment(**given)
    # What only an HTTP request asks for is left out.
    answering = {
        *("CACHE_TTL_SECONDS", "MAX_STALE_SECONDS", "TOKENS_TTL_SECONDS", "TOKENS_REFRESH_SECONDS"),
        *("TOKENS_MAX_STALE_SECONDS", "BASE_PATH"),
        *("CLIENT_IP_DENIED", "CLIENT_IP_ALLOWED"),
    }
    shared = {name: value for name, value in theirs.items() if name not in answering}
    assert {name: value for name, value in ours.items() if name not in {*NOTIFYING, "AWS_ENDPOINT_URL_SNS"}} == shared


PAGE = "https://${Api}.execute-api.us-east-1.amazonaws.com/"


@pytest.mark.parametrize(
    ("given", "topic", "url"),
    [
        ({}, None, PAGE),
        ({"AlarmTopicArn": TOPIC}, None, PAGE),
        ({"NotifyEmail": "a@example.com"}, {"Ref": "NotifyTopic"}, PAGE),
        (SETS["alarms elsewhere"], {"Ref": "NotifyTopic"}, PAGE),
        ({"NotifyTopicArn": NOTICES_TOPIC, **DOMAIN}, NOTICES_TOPIC, "https://stats.example.com/"),
        (SETS["notices elsewhere"], NOTICES_TOPIC, PAGE),
        (EVERYTHING, NOTICES_TOPIC, "https://stats.example.com/network/openl2m/"),
    ],
)
def test_notices_have_a_topic_where_asked_and_link_to_the_page(given: dict[str, Any], topic: Any, url: str) -> None:
    variables = environment("SnapshotFunction", **given)
    assert variables.get("NOTIFY_TOPIC_ARN") == topic
    assert variables["PUBLIC_URL"] == url
    resources = stack(**given)
    assert ("NoticeFailuresAlarm" in resources) == (topic is not None)
    assert ("NotifyTopic" in resources) == ("NotifyEmail" in given)
    if "NotifyEmail" in given:
        [subscription] = resources["NotifyTopic"]["Properties"]["Subscription"]
        assert subscription == {"Protocol": "email", "Endpoint": given["NotifyEmail"]}
    settings.load(
        {
            **variables,
            "NOTIFY_TOPIC_ARN": NOTICES_TOPIC,
            "PUBLIC_URL": url.replace("${Api}", "a1b2"),
            "DATABASE_CA_FILE": "",
        }
    )


def test_every_variable_has_its_own_parameter(tmp_path: Any) -> None:
    named = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): str(value) for name, value in EVERYTHING.items()}
    variables = environment(**EVERYTHING)
    assert variables == {
        **{name: value for name, value in named.items() if name in settings.OPTIONS.keys() - NOTIFYING},
        "DATABASE_SECRET_ID": "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-AbCdEf",
        "DATABASE_TLS": "verify",
        "TOKENS_SECRET_ID": "tokens",
        "SNAPSHOT_BUCKET": "bucket",
        "STACK_LABEL": "Campus network",
        "RES_OPTIONS": "timeout:1 attempts:2",
        "POWERTOOLS_SERVICE_NAME": "openl2m-stats",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": ENDPOINT_URL,
    }
    assert settings.OPTIONS.keys() - NOTIFYING <= variables.keys()
    (tmp_path / "own.pem").touch()
    settings.load({**variables, "DATABASE_CA_FILE": str(tmp_path / "own.pem")})  # raises when one is wrong


def version(function: str = "Stats", **given: Any) -> str:
    [name] = [name for name in of_type(stack(**given), "AWS::Lambda::Version") if name.startswith(function)]
    return name


# Neither the function nor a container of it is another when these change.
ELSEWHERE = {
    *("DatabaseSecretKmsKeyArn", "DatabaseResourceId", "DatabaseUser", "PermissionsBoundaryArn"),  # the role's
    *("EndpointSubnetIds", "S3EndpointRouteTableIds", "VpcId", "DomainName", "CertificateArn", "HostedZoneId"),
    *("SnapshotMinutes", "SnapshotRetentionDays"),
    *("ThrottlingRate", "ThrottlingBurst", "LogRetentionDays", "AccessLog", "AlarmTopicArn", "Dashboard"),
    "ProvisionedConcurrency",  # the alias's
    *("TruststoreUri", "TruststoreVersion", "FormerKmsKeyArns"),
    *("NotifyTopicArn", "NotifyEmail", "SnsEndpoint"),  # the snapshot function's
}


@pytest.mark.parametrize("parameter", [*EVERYTHING, *ALONE])
def test_changed_parameters_publish_a_version_when_they_are_the_functions(parameter: str) -> None:
    changed = {**EVERYTHING, **ALONE}[parameter]
    # The VPC is there before and after, so that only one of its two parameters changes.
    before = {"VpcSubnetIds": "subnet-89abcdef", "VpcSecurityGroupIds": "sg-89abcdef"}
    assert (version(**before) != version(**{**before, parameter: changed})) == (parameter not in ELSEWHERE)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("NotifyTopicArn", NOTICES_TOPIC), ("NotifyEmail", "a@example.com"), ("SnsEndpoint", "true")),
        *(("PageEnabled", "false"), ("StackLabel", "Campus"), ("DomainName", "stats.example.com")),
    ],
)
def test_what_changes_the_notices_publishes_a_version_of_the_snapshot_function(parameter: str, value: str) -> None:
    before = {**VPC, "NotifyTopicArn": f"{NOTICES_TOPIC}2"} if parameter == "SnsEndpoint" else VPC
    assert version("Snapshot", **before) != version("Snapshot", **{**before, parameter: value})


def test_descriptions_fit() -> None:
    """Lambda takes 256 characters. What is longest differs: true and false, the reservation, the mail's address."""
    longest = {
        **ENDPOINT,
        "Revision": "r" * 32,
        "NotifyEmail": f"{'a' * 116}@example.com",
        "ReservedConcurrency": "9999",
    }
    assert len(longest["NotifyEmail"]) == load()["Parameters"]["NotifyEmail"]["MaxLength"]
    for name in ("StatsFunction", "SnapshotFunction"):
        assert len(function(name, **{**longest, "SecretsManagerEndpoint": "false"})["Description"]) <= 256


@pytest.mark.parametrize("name", ["StatsFunction", "SnapshotFunction"])
def test_revision_changes_what_is_published_and_nothing_else(name: str) -> None:
    """After an update that was rolled back, Lambda has published this version, and publishes no other one like it."""
    before, after = function(name), function(name, Revision="2")
    assert before.pop("Description") != after.pop("Description")
    assert before == after


@pytest.mark.parametrize("part", ["code", "layer"])
def test_changed_code_publishes_a_version(part: str) -> None:
    assert version(**{part: "another"}) != version()


def test_changed_reservation_changes_what_is_published() -> None:
    """Lambda publishes no version that is like the last but for the reservation, and the deployment would fail."""

    def published(**given: Any) -> dict[str, Any]:
        return {key: value for key, value in function(**given).items() if key != "ReservedConcurrentExecutions"}

    assert published(ReservedConcurrency="1") != published(ReservedConcurrency="2")


def test_api_has_one_route_to_the_alias() -> None:
    resources = stack()
    api = resources["Api"]["Properties"]
    assert list(api["Body"]["paths"]) == ["$default"]
    [integration] = [method["x-amazon-apigateway-integration"] for method in api["Body"]["paths"]["$default"].values()]
    assert integration["payloadFormatVersion"] == "2.0"
    assert "${StatsFunctionAliaslive}" in integration["uri"]
    assert "cors" not in json.dumps(api).lower()
    permission = resources["StatsFunctionEverythingPermission"]["Properties"]
    assert permission["FunctionName"] == {"Ref": "StatsFunctionAliaslive"}


def test_api_logs_requests_without_their_headers() -> None:
    stage = stack(ThrottlingRate=7, ThrottlingBurst=8)["ApiApiGatewayDefaultStage"]["Properties"]
    assert stage["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["ApiLogGroup", "Arn"]}
    entry = json.loads(stage["AccessLogSettings"]["Format"])
    assert entry["requestId"] == "$context.requestId"
    assert set(entry.values()) == {
        *("$context.requestId", "$context.requestTime", "$context.identity.sourceIp", "$context.httpMethod"),
        *("$context.path", "$context.protocol", "$context.status", "$context.responseLength"),
        *("$context.responseLatency", "$context.integrationErrorMessage"),
    }
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "7", "ThrottlingBurstLimit": "8"}


def test_access_log_can_be_switched_off() -> None:
    resources = stack(AccessLog="false")
    assert "AccessLogSettings" not in resources["ApiApiGatewayDefaultStage"]["Properties"]
    assert "ApiLogGroup" in resources  # make logs follows it, and an empty one costs nothing


@pytest.mark.parametrize(("given", "disabled"), [({}, False), (DOMAIN, True)])
def test_domain_is_the_only_way_in(given: dict[str, Any], disabled: bool) -> None:
    api = stack(**given)["Api"]["Properties"]
    [server] = api["Body"]["servers"]
    assert server == {"x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": disabled}}
    assert "FailOnWarnings" not in api  # API Gateway warns of a server without a URL


def test_clients_certificates_are_checked_at_the_domain() -> None:
    domain = stack(**DOMAIN, TruststoreUri="s3://truststores/clients.pem")["ApiDomain"]["Properties"]
    assert domain["MutualTlsAuthentication"] == {"TruststoreUri": "s3://truststores/clients.pem"}
    assert "MutualTlsAuthentication" not in stack(**DOMAIN)["ApiDomain"]["Properties"]


def test_base_path_is_the_mappings_the_functions_and_the_addresses() -> None:
    given = {**DOMAIN, "BasePath": "network/openl2m"}
    assert stack(**given)["ApiDomainMapping"]["Properties"]["ApiMappingKey"] == "network/openl2m"
    assert "ApiMappingKey" not in stack(**DOMAIN)["ApiDomainMapping"]["Properties"]
    assert environment(**given)["BASE_PATH"] == "network/openl2m"
    template = load()
    for parameters_given, page in (
        ({}, "https://${Api}.execute-api.us-east-1.amazonaws.com/"),
        (DOMAIN, "https://stats.example.com/"),
        (given, "https://stats.example.com/network/openl2m/"),
    ):
        decider = Decider(template, parameters(template, parameters_given))
        assert decider.resolve(template["Outputs"]["Url"]["Value"]) == f"{page}api/stats/"


@pytest.mark.parametrize("name", ["StatsFunction", "SnapshotFunction"])
def test_deployment_is_called_by_its_label_or_by_the_stacks_name(name: str) -> None:
    assert environment(name)["STACK_LABEL"] == "openl2m-stats"
    assert environment(name, StackLabel="Campus network")["STACK_LABEL"] == "Campus network"


def test_resources_that_sam_makes_are_referred_to_by_their_generated_names() -> None:
    """Behind LanguageExtensions SAM does not resolve a name such as Api.Stage."""
    assert not re.findall(r"!Ref \w+\.\w+", TEMPLATE.read_text())


def test_rules_and_conditions_compare_texts_with_texts() -> None:
    template = load()
    compared = re.findall(r'"Fn::Equals": (\[[^]]*\])', json.dumps([template["Rules"], template["Conditions"]]))
    assert len(compared) > 20
    assert not [entry for entry in map(json.loads, compared) if not isinstance(entry[1], str)]


def test_token_secret_has_no_value_and_outlives_the_stack() -> None:
    secret = stack()["TokenSecret"]
    assert secret["Properties"].keys() == {"Description"}  # no name, and no value of any kind
    assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_key_encrypts_all_that_is_stored() -> None:
    resources = stack(KmsKeyArn=KEY)
    for name in ("TokenSecret", "StatsLogGroup", "SnapshotLogGroup", "ApiLogGroup"):
        assert resources[name]["Properties"]["KmsKeyId"] == KEY
    for name in ("StatsFunction", "SnapshotFunction"):
        assert resources[name]["Properties"]["KmsKeyArn"] == KEY
    assert resources["SnapshotFailures"]["Properties"]["KmsMasterKeyId"] == KEY
    [rule] = resources["SnapshotBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}


def test_metrics_are_the_stacks_own() -> None:
    resources = stack(stack_name="another", Dashboard="true")
    for name in ("StatsFunction", "SnapshotFunction"):
        assert resources[name]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == "another"
    assert resources["StaleAnswersAlarm"]["Properties"]["Dimensions"] == [{"Name": "service", "Value": "another"}]
    ours = [metric for metric in dashboard_metrics(resources) if metric[0] == "OpenL2MStats"]
    assert len(ours) > 10
    assert {tuple(metric[2:4]) for metric in ours} == {("service", "another")}


def dashboard_metrics(resources: dict[str, Any]) -> list[list[Any]]:
    widgets = json.loads(resources["OperatorDashboard"]["Properties"]["DashboardBody"])["widgets"]
    metrics = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    return [metric for metric in metrics if isinstance(metric[0], str)]


def test_dashboard_shows_what_there_is() -> None:
    resources = stack(Dashboard="true")
    assert resources["OperatorDashboard"]["Properties"]["DashboardName"] == "openl2m-stats-us-east-1"
    body = json.loads(resources["OperatorDashboard"]["Properties"]["DashboardBody"])
    assert [widget["properties"]["title"] for widget in body["widgets"]] == [
        *("Alarms", "Answers by status", "Answers by source", "Latency, ms", "Reading the numbers, ms"),
        *("Refusals", "Failures", "Snapshots", "Concurrency"),
    ]
    alarms = [f"${{{name}.Arn}}" for name in of_type(resources, "AWS::CloudWatch::Alarm")]
    assert sorted(body["widgets"][0]["properties"]["alarms"]) == sorted(alarms)
    source = "".join(path.read_text() for path in (ROOT / "functions/stats").rglob("*.py"))
    for namespace, name, *_ in dashboard_metrics(resources):
        assert namespace in {"OpenL2MStats", "AWS/ApiGateway", "AWS/Lambda", "AWS/SQS"}
        if namespace == "OpenL2MStats":
            assert f'"{name}"' in source
    # No widget lies on another.
    cells = [
        (x, y)
        for widget in body["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("name", SETS)
def test_two_stacks_share_no_physical_name(name: str) -> None:
    """Of what a template may name, SAM's own names included, everything begins with the stack's name or has none."""
    first, second = (physical_names(stack(stack_name=each, **SETS[name])) for each in ("openl2m-stats", "another"))
    assert first.keys() == second.keys()
    assert first.keys() >= {("StatsLogGroup", "LogGroupName"), ("DependenciesLayer", "LayerName")}
    for key, value in first.items():
        assert re.match(r"(/aws/(lambda|vendedlogs)/)?openl2m-stats\b", value), key
        assert second[key] == value.replace("openl2m-stats", "another"), key


def physical_names(resources: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return each name that the template gives to what must be the only one of its name in the account."""
    found = {}
    for logical_id, resource in resources.items():
        identifiers = {path.split("/")[-1] for path in schema(resource["Type"])["primaryIdentifier"]}
        if len(identifiers) > 1 or resource["Type"] in {"AWS::Lambda::Alias", "AWS::ApiGatewayV2::DomainName"}:
            continue  # an alias and all with several identifiers are parts of something; the domain is the operator's
        for name, value in resource["Properties"].items():
            named = name in identifiers or name.endswith("Name")
            if named and isinstance(value, str) and name not in {"MetricName", "ServiceName"}:
                found[re.sub(r"[0-9a-f]{10}$", "", logical_id), name] = value
    return found


DATABASE_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-AbCdEf"
TOKENS = {"Ref": "TokenSecret"}
SECRET_ACTIONS = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]


def objects(pattern: str = "", prefix: str = "/snapshots/") -> str:
    """Return the ARN of the bucket's objects, or without a pattern the bucket's."""
    return f"arn:aws:s3:::${{SnapshotBucket}}{prefix + pattern if pattern else ''}"


ROLE = [
    ("Allow", SECRET_ACTIONS, [DATABASE_SECRET, TOKENS], None),
    ("Allow", "s3:GetObject", [objects("latest.json"), objects("history/*"), objects("dt=*")], None),
    ("Allow", "s3:ListBucket", objects(), None),
    ("Allow", ["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["StatsLogGroup", "Arn"]}, None),
    ("Allow", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*", None),
]
SNAPSHOT_FAILURES = {"Fn::GetAtt": ["SnapshotFailures", "Arn"]}
SNAPSHOT_ROLE = [
    ("Allow", SECRET_ACTIONS, DATABASE_SECRET, None),
    ("Allow", ["s3:GetObject", "s3:PutObject"], objects("*"), None),
    ("Allow", "sqs:SendMessage", SNAPSHOT_FAILURES, None),
    ("Allow", "s3:ListBucket", objects(), None),
    ("Allow", ["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["SnapshotLogGroup", "Arn"]}, None),
    ("Allow", ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*", None),
]
VIA_SECRETS_MANAGER = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
EC2 = "arn:aws:ec2:us-east-1:123456789012:"
ROLE_IN_VPC = [
    ("Allow", ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"], "*", None),
    (
        "Allow",
        [
            *("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface"),
            *("ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"),
        ],
        f"{EC2}*/*",
        None,
    ),
    ("Deny", "ec2:*", "*", {"Null": {"lambda:SourceFunctionArn": "false"}}),
]


def test_role_by_default() -> None:
    assert statements() == ROLE


def test_role_in_a_vpc() -> None:
    assert statements(**VPC) == ROLE + ROLE_IN_VPC


def test_role_decrypts_with_the_keys_that_are_given() -> None:
    services = ["secretsmanager.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com"]
    assert statements(KmsKeyArn=KEY, DatabaseSecretKmsKeyArn=DATABASE_KEY) == [
        *ROLE[:1],
        ("Allow", "kms:Decrypt", DATABASE_KEY, VIA_SECRETS_MANAGER),
        *ROLE[1:3],
        ("Allow", "kms:Decrypt", KEY, {"StringEquals": {"kms:ViaService": services}}),
        *ROLE[3:],
    ]


@pytest.mark.parametrize("resource", ["db-ABCDEFGHIJKL01234", "cluster-ABCDEFGHIJKL01234", "prx-0123456789abcdef0"])
def test_both_functions_may_log_in_as_the_one_user_that_is_given(resource: str) -> None:
    def login(user: str) -> tuple[str, Any, Any, Any]:
        return ("Allow", "rds-db:connect", f"arn:aws:rds-db:us-east-1:123456789012:dbuser:{resource}/{user}", None)

    for role, without in (("StatsRole", ROLE), ("SnapshotRole", SNAPSHOT_ROLE)):
        by_default = statements(role, DatabaseResourceId=resource)
        assert [entry for entry in by_default if entry not in without] == [login("openl2m_stats")]
        named = statements(role, DatabaseResourceId=resource, DatabaseUser="stats")
        assert [entry for entry in named if entry not in without] == [login("stats")]
        assert statements(role, DatabaseUser="stats") == without


def test_snapshot_role() -> None:
    assert statements("SnapshotRole") == SNAPSHOT_ROLE
    assert statements("SnapshotRole", **VPC) == SNAPSHOT_ROLE + ROLE_IN_VPC
    services = ["s3.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"]
    assert statements("SnapshotRole", KmsKeyArn=KEY, DatabaseSecretKmsKeyArn=DATABASE_KEY) == [
        SNAPSHOT_ROLE[0],
        ("Allow", "kms:Decrypt", DATABASE_KEY, VIA_SECRETS_MANAGER),
        *SNAPSHOT_ROLE[1:4],
        ("Allow", ["kms:Decrypt", "kms:GenerateDataKey"], KEY, {"StringEquals": {"kms:ViaService": services}}),
        *SNAPSHOT_ROLE[4:],
    ]


def added(role: str, **given: Any) -> list[tuple[str, Any, Any, Any]]:
    """Return what a role may do with these parameters and not by default."""
    default = statements(role)
    return [entry for entry in statements(role, **given) if entry not in default]


def test_what_former_keys_have_encrypted_can_be_read_and_nothing_is_encrypted_with_them() -> None:
    """Without it, a change of the key stops snapshots and history for good: latest.json answers 403."""
    for role, services in (("StatsRole", ["secretsmanager", "s3"]), ("SnapshotRole", ["s3"])):
        condition = {"StringEquals": {"kms:ViaService": [f"{name}.us-east-1.amazonaws.com" for name in services]}}
        assert added(role, FormerKmsKeyArns=FORMER_KEYS) == [
            ("Allow", "kms:Decrypt", FORMER_KEYS.split(","), condition)
        ]


def test_snapshot_function_alone_sends_to_the_topic_and_to_no_other() -> None:
    for given in ({"NotifyEmail": "a@example.com"}, {"NotifyTopicArn": NOTICES_TOPIC}):
        assert added("StatsRole", **given) == []
    assert added("SnapshotRole", AlarmTopicArn=TOPIC) == []
    assert added("SnapshotRole", NotifyEmail="a@example.com") == [
        ("Allow", "sns:Publish", {"Ref": "NotifyTopic"}, None)
    ]
    assert added("SnapshotRole", NotifyTopicArn=NOTICES_TOPIC) == [
        ("Allow", "sns:Publish", NOTICES_TOPIC, None),
        (
            "Allow",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            "arn:aws:kms:us-east-1:*:key/*",
            {
                "StringEquals": {
                    "kms:EncryptionContext:aws:sns:topicArn": NOTICES_TOPIC,
                    "kms:ViaService": "sns.us-east-1.amazonaws.com",
                }
            },
        ),
    ]


def test_adopted_secret_and_bucket_take_the_place_of_the_stacks_own() -> None:
    """And nothing of the template changes them: neither lifecycle nor policy, which a former stack has left."""
    resources = stack(**SETS["adopted"])
    assert resources.keys().isdisjoint({"TokenSecret", "SnapshotBucket", "SnapshotBucketPolicy"})
    text = json.dumps(resources)
    assert '"TokenSecret"' not in text
    assert '"SnapshotBucket"' not in text
    for name in ("StatsFunction", "SnapshotFunction"):
        variables = resources[name]["Properties"]["Environment"]["Variables"]
        assert (variables["TOKENS_SECRET_ID"], variables["SNAPSHOT_BUCKET"]) == (TOKEN_SECRET, BUCKET)
    assert (SECRET_ACTIONS, [DATABASE_SECRET, TOKEN_SECRET]) in [
        entry[1:3] for entry in statements("StatsRole", **SETS["adopted"])
    ]
    template = load()
    decider = Decider(template, parameters(template, SETS["adopted"]))
    assert decider.resolve(template["Outputs"]["TokenSecretName"]["Value"]) == TOKEN_SECRET
    assert decider.resolve(template["Outputs"]["SnapshotBucketName"]["Value"]) == BUCKET


def test_snapshot_keys_are_below_the_prefix() -> None:
    resources = [
        entry[2] for role in ("StatsRole", "SnapshotRole") for entry in statements(role, SnapshotPrefix="a/b/")
    ]
    assert [objects(each, "/a/b/") for each in ("latest.json", "history/*", "dt=*")] in resources
    assert objects("*", "/a/b/") in resources
    rules = stack(SnapshotPrefix="a/b/")["SnapshotBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {rule["Prefix"] for rule in rules if "Prefix" in rule} == {
        "a/b/dt=",
        "a/b/latest.json",
        "a/b/history/",
        "a/b/notices.json",
    }


def test_schedule_may_invoke_the_alias_and_no_more() -> None:
    assert statements("ScheduleRole") == [
        ("Allow", "lambda:InvokeFunction", "${SnapshotFunction.Arn}:live", None),
        ("Allow", "sqs:SendMessage", SNAPSHOT_FAILURES, None),
    ]
    [trust] = stack()["ScheduleRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_schedule_names_the_time_and_loses_nothing() -> None:
    resources = stack(SnapshotMinutes=60)
    schedule = resources["SnapshotFunctionSchedule"]["Properties"]
    target = schedule["Target"]
    assert schedule["ScheduleExpression"] == "rate(60 minutes)"
    assert "Name" not in schedule
    assert target["Arn"] == {"Ref": "SnapshotFunctionAliaslive"}
    assert json.loads(target["Input"]) == {"scheduled_for": "<aws.scheduler.scheduled-time>"}
    assert target["DeadLetterConfig"] == {"Arn": SNAPSHOT_FAILURES}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 10
    assert target["RoleArn"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}
    assert resources["SnapshotFunction"]["Properties"]["DeadLetterConfig"] == {"TargetArn": SNAPSHOT_FAILURES}


def test_bucket_is_private_and_outlives_the_stack() -> None:
    resources = stack(SnapshotRetentionDays=7)
    bucket = resources["SnapshotBucket"]
    for retained in (bucket, resources["SnapshotBucketPolicy"]):
        assert (retained["DeletionPolicy"], retained["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = bucket["Properties"]
    assert "BucketName" not in properties
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    # The newest and the history have no end.
    assert [name for name, rule in rules.items() if "ExpirationInDays" in rule] == ["snapshots"]
    assert (rules["snapshots"]["Prefix"], rules["snapshots"]["ExpirationInDays"]) == ("snapshots/dt=", "7")
    kept = {
        rule["Prefix"]: rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in rules.values()
        if "NoncurrentVersionExpiration" in rule
    }
    # Of rules that overlap, S3 follows the shortest: a damaged month is restored from what is kept of the history.
    assert kept.pop("snapshots/history/") == 90
    assert set(kept.values()) == {7}
    assert not [prefix for prefix in kept if "snapshots/history/".startswith(prefix)]
    [statement] = resources["SnapshotBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_roles_are_bounded_where_asked() -> None:
    roles = of_type(stack(PermissionsBoundaryArn=BOUNDARY), "AWS::IAM::Role")
    assert {name: role["Properties"]["PermissionsBoundary"] for name, role in roles.items()} == {
        "StatsRole": BOUNDARY,
        "SnapshotRole": BOUNDARY,
        "ScheduleRole": BOUNDARY,
    }
    assert "PermissionsBoundary" not in stack()["StatsRole"]["Properties"]


@pytest.mark.parametrize("role", ["StatsRole", "SnapshotRole"])
def test_only_lambda_takes_the_role(role: str) -> None:
    [trust] = stack()[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")


def test_first_snapshot_is_taken_when_nothing_else_can_fail() -> None:
    """A bucket that holds one cannot be removed with a first deployment that failed."""
    assert stack()["SnapshotFunction"]["DependsOn"] == "StatsFunctionAliaslive"
    assert not any(stack()["SnapshotFunction"]["Metadata"]["Awaited"])
    awaited = stack(**SETS["domain with record"])["SnapshotFunction"]["Metadata"]["Awaited"]
    assert awaited == [{"Ref": name} for name in ("ApiDomainMapping", *RECORDS)]


@pytest.mark.parametrize("name", ["StatsFunction", "SnapshotFunction"])
def test_functions_alone_use_the_endpoint(name: str) -> None:
    """A private name would lead every other caller in the VPC to it, too."""
    endpoint = stack(**ENDPOINT)["SecretsManagerEndpointInterface"]["Properties"]
    assert endpoint["PrivateDnsEnabled"] is False
    assert environment(name, **ENDPOINT)["AWS_ENDPOINT_URL_SECRETS_MANAGER"] == ENDPOINT_URL
    assert "AWS_ENDPOINT_URL_SECRETS_MANAGER" not in environment(name, **VPC)


def test_snapshot_function_alone_uses_the_endpoint_for_sns() -> None:
    given = SETS["notices"]
    assert stack(**given)["SnsEndpointInterface"]["Properties"]["PrivateDnsEnabled"] is False
    assert environment("SnapshotFunction", **given)["AWS_ENDPOINT_URL_SNS"] == SNS_ENDPOINT_URL
    assert "AWS_ENDPOINT_URL_SNS" not in environment(**given)


ENDPOINTS = ["SecretsManager", "Sns"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_endpoint_has_subnets_of_its_own_where_asked(endpoint: str) -> None:
    def subnets(**given: Any) -> Any:
        resources = stack(**{**SETS["notices"], **given})
        return resources[f"{endpoint}EndpointInterface"]["Properties"]["SubnetIds"]

    assert subnets(EndpointSubnetIds="") == VPC["VpcSubnetIds"].split(",")
    assert subnets() == [ENDPOINT["EndpointSubnetIds"]]


@pytest.mark.parametrize("name", ENDPOINTS)
def test_endpoint_lets_the_function_in_and_nobody_else(name: str) -> None:
    resources = stack(**SETS["notices"])
    endpoint = resources[f"{name}EndpointInterface"]["Properties"]
    assert endpoint["ServiceName"] == f"com.amazonaws.us-east-1.{name.lower()}"
    assert endpoint["SecurityGroupIds"] == [{"Fn::GetAtt": [f"{name}EndpointGroup", "GroupId"]}]
    [rule] = resources[f"{name}EndpointGroup"]["Properties"]["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (443, 443, "tcp")
    assert rule["SourceSecurityGroupId"] == "sg-0123456789abcdef0"
    assert "CidrIp" not in rule


@pytest.mark.parametrize("name", load()["Parameters"])
def test_parameter_explains_and_checks_itself(name: str) -> None:
    parameter = load()["Parameters"][name]
    assert parameter["Type"] in {"String", "Number"}
    assert len(parameter["Description"]) > 20
    assert ("Default" in parameter) == (name != "DatabaseSecretArn")
    if "AllowedPattern" in parameter:
        assert "ConstraintDescription" in parameter
    assert parameter.keys() & {"AllowedPattern", "AllowedValues"} or {"MinValue", "MaxValue"} <= parameter.keys()


@pytest.mark.parametrize("name", SETS)
def test_values_satisfy_the_constraints(name: str) -> None:
    template = load()
    for parameter, value in parameters(template, SETS[name]).items():
        assert problem(template["Parameters"][parameter], value) is None, parameter


def problem(parameter: dict[str, Any], value: str) -> str | None:
    """Return the constraint that a value violates, as CloudFormation checks them."""
    if not re.fullmatch(parameter.get("AllowedPattern", ".*"), value):
        return "AllowedPattern"
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        return "AllowedValues"
    if "MinValue" in parameter and not parameter["MinValue"] <= float(value) <= parameter["MaxValue"]:
        return "MinValue or MaxValue"
    return None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DatabaseSecretArn", ""),
        ("DatabaseSecretArn", "openl2m-stats"),
        ("DatabaseSecretArn", "arn:aws:secretsmanager:us-east-1:123456789012:secret:openl2m-stats"),
        ("DatabaseHost", "https://database.example.com"),
        ("DatabaseHost", "database.example.com:3306"),
        ("DatabasePort", "0"),
        ("DatabaseResourceId", "openl2m-database"),
        ("DatabaseResourceId", "db-*"),
        ("DatabaseResourceId", "arn:aws:rds:us-east-1:123456789012:db:openl2m"),
        ("DatabaseUser", ""),
        ("DatabaseUser", "*"),
        ("DatabaseUser", "stats/other"),
        ("VpcSubnetIds", "subnet-0123456789abcdef0, subnet-0123456789abcdef1"),
        ("VpcSecurityGroupIds", "subnet-0123456789abcdef0"),
        ("TimeZone", ""),
        ("ClientIpAllowed", "example.com"),
        ("DomainName", "https://stats.example.com/"),
        ("RequestTimeoutSeconds", "26"),
        ("ReservedConcurrency", "0"),
        ("KmsKeyArn", "alias/mine"),
        ("LogRetentionDays", "2"),
        ("SnapshotMinutes", "7"),
        ("SnapshotMinutes", "2880"),
        ("ProvisionedConcurrency", "4"),
        ("Revision", ""),
        ("LogLevel", "DEBUG"),
        ("EndpointSubnetIds", "vpc-0123456789abcdef0"),
        ("SnapshotPrefix", "snapshots"),
        ("BasePath", "/openl2m"),
        ("BasePath", "openl2m/"),
        ("TruststoreUri", "https://example.com/clients.pem"),
        ("FormerKmsKeyArns", "alias/mine"),
        ("FormerKmsKeyArns", f"{KEY}, {KEY}"),
        ("NotifyEmail", "network"),
        ("NotifyEmail", "a@example.com,b@example.com"),
        ("AlarmTopicArn", f"{TOPIC}.fifo"),
        ("NotifyTopicArn", f"{TOPIC}.fifo"),
        ("StackLabel", " Campus"),
        ("TokenSecretArn", "TokenSecret-1A2B"),
        ("SnapshotBucketName", "arn:aws:s3:::bucket"),
        ("SystemLogLevel", "DEBUG"),
        ("S3EndpointRouteTableIds", "subnet-0123456789abcdef0"),
    ],
)
def test_wrong_values_are_refused_before_anything_is_made(name: str, value: str) -> None:
    assert problem(load()["Parameters"][name], value)


def test_engines_are_those_that_can_be_reached_from_lambda() -> None:
    assert set(load()["Parameters"]["DatabaseEngine"]["AllowedValues"]) == {"", *ENGINES} - {"sqlite"}


def test_every_parameter_is_in_one_group() -> None:
    groups = load()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    listed = [name for group in groups for name in group["Parameters"]]
    assert sorted(listed) == sorted(load()["Parameters"])


def broken_rules(**given: Any) -> list[str]:
    template = load()
    decider = Decider(template, parameters(template, given))
    return [
        name
        for name, rule in template["Rules"].items()
        if decider.resolve(rule.get("RuleCondition", True))
        for assertion in rule["Assertions"]
        if not decider.resolve(assertion["Assert"])
    ]


@pytest.mark.parametrize("name", SETS)
def test_good_combinations_break_no_rule(name: str) -> None:
    assert broken_rules(**SETS[name]) == []


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"VpcSubnetIds": "subnet-0123456789abcdef0"}, "SubnetsHaveSecurityGroups"),
        ({"VpcSecurityGroupIds": "sg-0123456789abcdef0"}, "SecurityGroupsHaveSubnets"),
        ({"SecretsManagerEndpoint": "true"}, "EndpointHasVpc"),
        ({**VPC, "SecretsManagerEndpoint": "true"}, "EndpointHasVpc"),
        ({**VPC, "S3EndpointRouteTableIds": "rtb-89abcdef"}, "S3EndpointHasVpc"),
        ({**VPC, "EndpointSubnetIds": "subnet-0123456789abcdef0"}, "EndpointSubnetsHaveEndpoint"),
        ({"DomainName": "stats.example.com"}, "DomainHasCertificate"),
        ({"CertificateArn": CERTIFICATE}, "DomainSettingsHaveDomain"),
        ({"HostedZoneId": "Z0123456789ABCDEFGHIJ"}, "DomainSettingsHaveDomain"),
        ({"BasePath": "openl2m"}, "DomainSettingsHaveDomain"),
        ({"TruststoreUri": "s3://truststores/clients.pem"}, "DomainSettingsHaveDomain"),
        ({**DOMAIN, "TruststoreVersion": "1"}, "TruststoreVersionHasTruststore"),
        ({"AlarmTopicArn": TOPIC, "NotifyTopicArn": TOPIC, "NotifyEmail": "a@example.com"}, "MailHasContent"),
        ({**ENDPOINT, "SnsEndpoint": "true"}, "SnsEndpointHasNotices"),
        ({**VPC, "SnsEndpoint": "true", "NotifyTopicArn": TOPIC}, "EndpointHasVpc"),
        ({"SnapStart": "PublishedVersions", "ProvisionedConcurrency": 1}, "OneKindOfWarmStart"),
    ],
)
def test_bad_combinations_break_a_rule(given: dict[str, Any], rule: str) -> None:
    assert broken_rules(**given) == [rule]


def test_provisioned_concurrency_never_exceeds_the_reservation() -> None:
    """Lambda refuses it late, at the alias, after everything else has been made."""
    provisioned = load()["Parameters"]["ProvisionedConcurrency"]["AllowedValues"]
    for warm in provisioned:
        assert broken_rules(ProvisionedConcurrency=warm) == []
        for reserved in range(1, max(provisioned) + 2):
            broken = broken_rules(ProvisionedConcurrency=warm, ReservedConcurrency=reserved)
            assert broken == ["ProvisionedFitsReservation"] * (warm > reserved), (warm, reserved)
