"""Champions that were trained by other code than today's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class OtherCode:
    """How many there are that could be queued again, and the condition over slice_status that they meet."""

    count: int
    condition: str

    def lines(self, option: str) -> list[str]:
        """What to say of them, and what queues them; [] where there are none."""
        if not self.count:
            return []
        return [
            f"{self.count} champions were trained by other code than today's; to train them again:",
            f'ledger requeue{option} --where "{self.condition}"',
        ]


def other_code(conn: Connection, *, unnamed: str, built_in: str) -> OtherCode:
    """Look for them; today slices that name no trainer are trained by `unnamed`, all others by `built_in`."""
    today = f"'{built_in}'"
    if unnamed != built_in:
        today = f"CASE WHEN trainer IS NULL THEN '{unnamed}' ELSE '{built_in}' END"
    condition = f"champion_code <> {today}"
    open_ones = "status NOT IN ('running', 'retired', 'pending')"
    counted = text(f"SELECT count(*) FROM slice_status WHERE {open_ones} AND {condition}")
    return OtherCode(int(conn.execute(counted).scalar_one()), condition)
