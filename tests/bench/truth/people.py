"""People with their homes, devices, e-mails and phones; all invented."""

from dataclasses import dataclass
from random import Random

from tests.bench.truth.params import Params

_FIRST = ("ana", "beatriz", "bruno", "carla", "diego", "elisa", "fabio", "gabriela", "hugo", "ines", "joao", "karina")
_LAST = ("almeida", "barbosa", "cardoso", "dias", "esteves", "ferreira", "gomes", "lima", "moura", "nunes", "oliveira")
_AREAS = ("11", "21", "31", "41", "51", "61", "71", "81", "85", "91")
_PHONE_AGENT = "Mozilla/5.0 (Linux; Android {}; SM-A{}E) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
_DESK_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/1{}.0 Safari/537.36"
_HOME_SIZES = (1, 2, 2, 3, 3, 4)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser. `home` is the number of the household; one that keeps no cookie is a new browser at each visit."""

    number: int
    home: int
    user_agent: str
    is_phone: bool
    is_blocked: bool
    is_forgetful: bool


@dataclass(frozen=True, slots=True)
class Person:
    """`emails` and `phones`: the usual one, then the other. Devices: the phone, then the desk, which is the home's."""

    number: int
    home: int
    emails: tuple[str, str]
    phones: tuple[str, str]
    phone: Device
    desk: Device


def make_people(seed: int, params: Params) -> list[list[Person]]:
    """Households; everybody has a phone, and each home one desk computer."""
    homes: list[list[Person]] = []
    made, wanted = 0, int(params.sales * params.people_per_sale)
    while made < wanted:
        home = len(homes)
        random = Random(f"{seed} home {home}")
        size = random.choice(_HOME_SIZES)
        desk = _make_device(random, params, 2 * made + 1, home, is_phone=False)
        homes.append([_make_person(random, params, made + place, desk) for place in range(size)])
        made += size
    return homes


def _make_person(random: Random, params: Params, number: int, desk: Device) -> Person:
    name = f"{random.choice(_FIRST)}.{random.choice(_LAST)}"
    emails = (f"{name}{number}@example.com", f"{name}.{number}@mail.example.com")
    phones = (_make_phone(random), _make_phone(random))
    return Person(number, desk.home, emails, phones, _make_device(random, params, 2 * number, desk.home), desk)


def _make_phone(random: Random) -> str:
    return f"{random.choice(_AREAS)}9{random.randrange(60_000_000, 99_999_999)}"


def _make_device(random: Random, params: Params, number: int, home: int, *, is_phone: bool = True) -> Device:
    agent = (
        _PHONE_AGENT.format(random.randrange(11, 17), random.choice(("05", "14", "15", "25", "34", "54")))
        if is_phone
        else _DESK_AGENT.format(random.randrange(30, 41))
    )
    return Device(number, home, agent, is_phone, random.random() < params.blocked, random.random() < params.forgetful)


def home_address(home: int) -> str:
    return f"179.{home // 65536 % 256}.{home // 256 % 256}.{home % 256}"


def carrier_address(number: int) -> str:
    return f"200.1.{number // 256}.{number % 256}"
