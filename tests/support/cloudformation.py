"""CloudFormation in the tests' own words: moto has it only with further dependencies, and takes seconds to load it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug import Request, Response

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_PAGE = 2  # resources


@dataclass
class CloudFormation:
    """A WSGI application that knows one stack. `resources` has type and physical id by logical id."""

    stack: str = "openl2m-stats"
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        self.requests.append(request)
        query = {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()}
        action = query["Action"]
        if query["StackName"] == self.stack:
            result = self._result(action, query)
            text = (
                f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{result}</{action}Result></{action}Response>'
            )
            return Response(text, content_type="text/xml")(environ, start_response)
        problem = f"Stack with id {query['StackName']} does not exist"
        error = f"<Type>Sender</Type><Code>ValidationError</Code><Message>{escape(problem)}</Message>"
        text = f"<ErrorResponse><Error>{error}</Error><RequestId>1</RequestId></ErrorResponse>"
        return Response(text, 400, content_type="text/xml")(environ, start_response)

    def _result(self, action: str, query: Mapping[str, str]) -> str:
        match action:
            case "DescribeStacks":
                stack = _element("StackName", self.stack) + _element("StackStatus", "CREATE_COMPLETE")
                stack += _element("CreationTime", "2026-11-23T12:00:00Z")
                for name, values in (("Output", self.outputs), ("Parameter", self.parameters)):
                    pairs = (_element(f"{name}Key", k) + _element(f"{name}Value", v) for k, v in values.items())
                    stack += f"<{name}s>{_members(pairs)}</{name}s>" if values else ""
                return f"<Stacks>{_members([stack])}</Stacks>"
            case "DescribeStackResource":
                _, physical = self.resources[query["LogicalResourceId"]]
                return f"<StackResourceDetail>{_element('PhysicalResourceId', physical)}</StackResourceDetail>"
            case "ListStackResources":
                start = int(query.get("NextToken", "0"))
                page = list(self.resources.items())[start : start + _PAGE]
                more = start + _PAGE < len(self.resources)
                listed = _members(_resource(logical, *resource) for logical, resource in page)
                following = _element("NextToken", str(start + _PAGE)) if more else ""
                return f"<StackResourceSummaries>{listed}</StackResourceSummaries>{following}"
        raise AssertionError(action)


def _resource(logical: str, type_: str, physical: str) -> str:
    # A resource that is being created has no physical id yet.
    known = _element("PhysicalResourceId", physical) if physical else ""
    return _element("LogicalResourceId", logical) + _element("ResourceType", type_) + known


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _members(contents: Iterable[str]) -> str:
    return "".join(f"<member>{content}</member>" for content in contents)
