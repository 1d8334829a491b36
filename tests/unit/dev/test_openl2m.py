"""`make check-openl2m`, on a small tree that is written here: what is as expected, and each thing that may move."""

from pathlib import Path

import pytest

from dev.openl2m import main

MODELS = {
    "switches": """
        class Named(models.Model):
            name = models.CharField(max_length=64)
            class Meta:
                abstract = True
        class Switch(Named):
            groups = models.ManyToManyField("SwitchGroup", through="SwitchGroupMembership")
        class SwitchGroupMembership(models.Model):
            switch = models.ForeignKey(Switch, on_delete=models.CASCADE)
            switchgroup = models.ForeignKey("SwitchGroup", on_delete=models.CASCADE)
        class VLAN(Named): pass
        class VlanGroup(Named): pass
        class SnmpProfile(Named): pass
        class NetmikoProfile(Named): pass
        class Command(Named): pass
        class CommandList(Named): pass
        class Log(models.Model):
            timestamp = models.DateTimeField(null=True)
            type = models.PositiveSmallIntegerField()
            action = models.PositiveSmallIntegerField()
            switch = models.ForeignKey(to=Switch, null=True, on_delete=models.CASCADE)
            user = models.ForeignKey(to=User, null=True, on_delete=models.CASCADE)
    """,
    "counters": """
        class Counter(models.Model):
            name: str = models.CharField(max_length=64)
            value = models.PositiveBigIntegerField(default=0)
    """,
    "users": """
        class Token(models.Model):
            user = models.ForeignKey(to=User, on_delete=models.CASCADE)
            created = models.DateTimeField()
            expires = models.DateTimeField()
            key = models.CharField(max_length=40)
            description = models.CharField(max_length=200)
            allowed_ips = models.CharField(max_length=200)
            @staticmethod
            def generate_key():
                return os.urandom(20).hex()
    """,
}
CONSTANTS = {
    "switches": "LOG_TYPE_VIEW = 0\nLOG_TYPE_CHANGE = 1\nLOG_TYPE_COMMAND = 4\nLOG_TYPE_LOGIN_OUT = 5\n"
    "LOG_LOGIN_REST_API = 95\n",
    "counters": "NAMES = ['changes', 'commands', 'logins', 'logins_failed', 'access_denied', 'errors', 'warnings', "
    "'views', 'detailviews', 'bulkedits', 'hwinfo']\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for app, text in MODELS.items():
        (tmp_path / "openl2m" / app).mkdir(parents=True)
        lines = [line[8:] for line in text.splitlines()]
        (tmp_path / "openl2m" / app / "models.py").write_text("\n".join(lines))
        (tmp_path / "openl2m" / app / "constants.py").write_text(CONSTANTS.get(app, ""))
    (tmp_path / "template.py").write_text("this is {{ not }} Python")
    return tmp_path


def change(source: Path, name: str, old: str, new: str) -> None:
    path = source / "openl2m" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nothing_has_moved(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(source)]) == 0
    assert capsys.readouterr().out.startswith("Nothing has moved: 11 tables, ")


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("switches/models.py", "class VLAN(", "class Vlans(", "there is no model for the table switches_vlan"),
        ("switches/models.py", "action =", "deed =", "the table switches_log has no column action"),
        ("switches/models.py", "user =", "account =", "the table switches_log has no column user_id"),
        (
            "switches/models.py",
            "PositiveSmallIntegerField()",
            "PositiveSmallIntegerField(db_column='kind')",
            "the table switches_log has no column type",
        ),
        (
            "switches/models.py",
            "class Log(models.Model):",
            "class Log(models.Model):\n    class Meta:\n        db_table = 'log'",
            "there is no model for the table switches_log",
        ),
        (
            "switches/models.py",
            "name = models.CharField(",
            "name = models.CharField(primary_key=True, ",
            "the table switches_switch has no column id",
        ),
        ("switches/constants.py", "LOG_TYPE_COMMAND = 4", "LOG_TYPE_COMMAND = 6", "LOG_TYPE_COMMAND is 6, and not 4"),
        ("switches/constants.py", "LOG_LOGIN_REST_API", "LOG_API", "LOG_LOGIN_REST_API is not there, and not 95"),
        ("counters/constants.py", "'hwinfo'", "'hardware'", "there is no counter 'hwinfo', which hardware_views shows"),
        ("users/models.py", "max_length=40", "max_length=12", "a token's key has max_length 12, and not 40"),
        (
            "users/models.py",
            "key = models.CharField(max_length=40)",
            "digest = models.CharField()",
            "the table users_token has no column key",
        ),
        ("users/models.py", "urandom(20)", "urandom(32)", "does not make 40 hex digits"),
        ("users/models.py", ".hex()", ".decode()", "does not make 40 hex digits"),
    ],
)
def test_what_has_moved(
    name: str, old: str, new: str, told: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(source, name, old, new)
    assert main([str(source)]) == 1
    assert told in capsys.readouterr().out


def test_models_in_a_folder(source: Path) -> None:
    users = source / "openl2m/users"
    (users / "models").mkdir()
    (users / "models.py").rename(users / "models/tokens.py")
    assert main([str(source)]) == 0


@pytest.mark.parametrize("arguments", [[], ["nowhere"], ["one", "two"]])
def test_no_checkout_is_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "make check-openl2m SOURCE=" in capsys.readouterr().err


def test_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "is not a checkout of OpenL2M" in capsys.readouterr().err
