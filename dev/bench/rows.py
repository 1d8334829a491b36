"""The log of a busy OpenL2M, row by row; the same one every time, but for when it ends."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from openl2m_stats.local import demo

_SWITCHES, _USERS = demo.ROWS["switches_switch"], demo.ROWS["auth_user"]
# In the order of openl2m_stats/openl2m_schema.py, after `id`, which the engines number themselves.
Row = tuple[datetime, int, str, int, int, str, int | None, int | None, int | None, str]
_KEPT = 512  # texts to choose from: making each anew would take longer than storing it


def log_rows(count: int, until: datetime) -> Iterator[Row]:
    """Yield rows of switches_log, evenly over the days before `until`, in the order of time.

    Their kinds are those of the demo's log: views, changes, commands, logins, API calls, errors.
    """
    chance = random.Random(2026)  # noqa: S311 no secret is drawn from it
    kinds, weights = list(demo.KINDS), list(demo.KINDS.values())
    texts = {kind: [_texts(kind, chance) for _ in range(_KEPT)] for kind in kinds}
    step = timedelta(days=demo.DAYS) / count
    since = until - timedelta(days=demo.DAYS)
    draw = chance.random
    for number, kind in enumerate(chance.choices(kinds, weights, k=count), start=1):
        type_, action = kind
        on_switch = type_ in {0, 1, 4}
        switch = int(draw() * _SWITCHES) + 1 if on_switch else None
        user = int(draw() * _USERS) + 1 if type_ != 3 else None
        interface, address, description, name = texts[kind][int(draw() * _KEPT)]
        group = switch % demo.GROUPS + 1 if switch else None
        yield since + step * number, interface, address, type_, action, description, group, switch, user, name


def _texts(kind: tuple[int, int], chance: random.Random) -> tuple[int, str, str, str]:
    """Return if_index, ip_address, description and if_name, which only a change has: 60 to 100 characters in all."""
    address = f"10.{chance.randint(0, 31)}.{chance.randint(0, 255)}.{chance.randint(1, 254)}"
    stack, port, vlan = chance.randint(1, 8), chance.randint(1, 48), chance.randint(2, 850)
    name = f"GigabitEthernet{stack}/0/{port}"
    building = f"building {chance.randint(1, 99)}, floor {chance.randint(0, 9)}"
    match kind:
        case 0, _:
            return 0, address, f"Viewed the interfaces of the switch in {building}, room {port:03}", ""
        case 1, _:
            return port, address, f"Port moved to vlan {vlan} for {building}", name
        case 4, _:
            return 0, address, f"Ran show interface {name} status, {building}", ""
        case 3, _:
            return 0, address, f"SNMP timeout of the switch in {building}, vlan {vlan}", ""
        case _:
            return 0, address, f"Session of a network administrator, from {building}", ""
