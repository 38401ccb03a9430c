"""Faults by name, so that a script may say `meta_4` for "the app's limit, as Meta words it". Pure.

The codes and statuses are those of the Graph API's and of the Events API's tables of errors; `meta_<code>[_<subcode>]`
and `tiktok_<code>` name them. A script may change any part of one, and adds the headers that ask for a pause.
"""

from collections.abc import Mapping

# (code, subcode): HTTP status, is_transient
_META: dict[tuple[int, int | None], tuple[int, bool]] = {
    (1, None): (500, False),
    (1, 99): (400, False),
    (2, None): (500, True),
    (3, None): (400, False),
    (4, None): (403, True),
    (10, None): (403, False),
    (17, None): (400, False),
    (17, 2446079): (400, False),
    (32, None): (400, False),
    (100, None): (400, False),
    (100, 33): (400, False),
    (100, 2804001): (400, False),
    (100, 2804003): (400, False),
    (100, 2804007): (400, False),
    (100, 2804009): (400, False),
    (100, 2804010): (400, False),
    (100, 2804016): (400, False),
    (100, 2804017): (400, False),
    (100, 2804019): (400, False),
    (100, 2804048): (400, False),
    (100, 2804050): (400, False),
    (102, None): (400, False),
    (104, None): (400, False),
    (190, None): (401, False),
    **dict.fromkeys(((190, subcode) for subcode in (458, 459, 460, 463, 464, 467, 492)), (400, False)),
    (200, None): (403, False),
    (294, None): (403, False),
    (341, None): (400, False),
    (368, None): (400, False),
    (613, None): (400, False),
    (613, 1487742): (400, False),
    (2500, None): (400, False),
    (2635, None): (400, False),
    (5000, None): (500, False),
    **dict.fromkeys(((code, None) for code in (80000, 80003, 80004, 80014)), (400, False)),
}
_TIKTOK = (20001, 40001, 40002, 40016, 40100, 40105, 40133, 50002, 51010, 51021)

PRESETS: Mapping[str, Mapping[str, object]] = {
    **{
        "_".join(["meta", *(str(number) for number in codes if number is not None)]): {
            "kind": "error",
            "code": codes[0],
            "subcode": codes[1],
            "status": status,
            "is_transient": is_transient,
        }
        for codes, (status, is_transient) in _META.items()
    },
    **{f"tiktok_{code}": {"kind": "error", "code": code, "status": 200} for code in _TIKTOK},
}
