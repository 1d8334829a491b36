"""A secret in memory in the place of Secrets Manager: it says what a test wants, and notes how it is read."""

from stats.aws.secrets import NoValueError, SecretStore, SecretUnavailableError, Stage
from stats.base.deadline import Deadline


class Secret(SecretStore):
    """`texts` is what each stage says. `asked` are the readings so far, `seconds` the time that each might take."""

    def __init__(self) -> None:
        self.texts: dict[Stage, str] = {}
        self.reachable = True
        self.asked: list[tuple[str, Stage]] = []
        self.seconds: list[float] = []

    def get(self, secret_id: str, deadline: Deadline, stage: Stage = "AWSCURRENT") -> str:
        """Return what the stage says, as SecretStore does."""
        self.asked.append((secret_id, stage))
        self.seconds.append(deadline.left)
        if not self.reachable:
            raise SecretUnavailableError("TimeoutError")
        if stage not in self.texts:
            raise NoValueError("ResourceNotFoundException")
        return self.texts[stage]
