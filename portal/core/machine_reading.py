"""Whether public texts are given to programs as text: a switch in the admin (Settings → Articles for programs)."""

from __future__ import annotations

from portal.core.memo import LONG_SECONDS, Memo
from portal.core.models import MachineReading

_switch: Memo[bool] = Memo(max_size=1, seconds=LONG_SECONDS, scopes=("site",))


def is_open_to_programs() -> bool:
    """Return whether programs are given public texts: yes, unless somebody switched it off on the default site."""
    closed = MachineReading.objects.filter(site__is_default_site=True, is_open=False)
    return _switch.get("open", lambda: not closed.exists())
