"""The bytes of a profile: a version, the fields, a checksum; no pickle."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from runner.drift.finding import STATISTICS
from runner.drift.noise import QUANTILES, Noise
from runner.drift.season import Season
from runner.errors import FinalError

if TYPE_CHECKING:
    from runner.drift.profile import Profile

MARK = b"dp"
VERSION = 1
_HEAD = struct.Struct("<2sBBBBI5d")
_NOISE = struct.Struct("<8f")
_SEASON = struct.Struct("<dB")
_FLOORS = struct.Struct(f"<{len(STATISTICS)}f")
_CHECKSUM = struct.Struct("<I")
_FINEST = 2.0**-13  # quantiles are kept as whole numbers of these, up to ±4 sigma; winsorised they reach 3


class ProfileError(FinalError):
    """Stored bytes are no profile, or not of a version that is known here."""


def packed(profile: Profile) -> bytes:
    """The profile as bytes; amplitudes and statistics in single precision."""
    import numpy as np

    noise = profile.noise
    flags = profile.timed | profile.counter << 1 | profile.irregular << 2 | (noise is not None) << 3
    order = noise.phi.size if noise else 0
    numbers = (profile.start, profile.end, profile.step, profile.center, profile.scale)
    parts = [_HEAD.pack(MARK, VERSION, flags, order, len(profile.seasons), profile.size, *numbers)]
    for season in profile.seasons:
        parts.append(_SEASON.pack(season.period, season.amplitudes.size))
        parts.append(season.amplitudes.astype("<c8").tobytes())
    if noise:
        kept = (
            noise.sigma,
            noise.power,
            noise.tails,
            noise.level_variance,
            noise.spread,
            noise.spread_variance,
        )
        parts.append(_NOISE.pack(*kept, noise.follows, noise.follows_variance))
        parts.append(noise.phi.astype("<f4").tobytes())
        whole = np.clip(np.rint(noise.quantiles / _FINEST), -32_767, 32_767)
        parts.append(whole.astype("<i2").tobytes())
    parts.append(_FLOORS.pack(*(profile.floors.get(name, 0.0) for name in STATISTICS)))
    content = b"".join(parts)
    return content + _CHECKSUM.pack(zlib.crc32(content))


def unpacked(content: bytes) -> Profile:
    """The profile of `content`. Raises ProfileError where it is none, is cut short, or was changed."""
    if content[: len(MARK)] != MARK or len(content) < _HEAD.size + _CHECKSUM.size:
        raise ProfileError(f"{len(content)} bytes are no drift profile; train the slice again to get one")
    if content[2] != VERSION:
        raise ProfileError(
            f"the drift profile has version {content[2]}, this program reads version {VERSION}; "
            "train the slice again to get one that it reads"
        )
    if _CHECKSUM.unpack(content[-_CHECKSUM.size :])[0] != zlib.crc32(content[: -_CHECKSUM.size]):
        raise ProfileError(
            "the drift profile is damaged (its checksum does not fit); train the slice again to get another"
        )
    return _read(content)


def _read(content: bytes) -> Profile:
    from runner.drift.profile import Profile

    _, _, flags, order, count, size, *numbers = _HEAD.unpack_from(content)
    start, end, step, center, scale = numbers
    at, seasons = _HEAD.size, []
    for _ in range(count):
        season, at = _season(content, at)
        seasons.append(season)
    noise = None
    if flags & 8:
        noise, at = _noise(content, at, order)
    floors = dict(zip(STATISTICS, _FLOORS.unpack_from(content, at), strict=True))
    return Profile(
        timed=bool(flags & 1),
        counter=bool(flags & 2),
        irregular=bool(flags & 4),
        size=size,
        start=start,
        end=end,
        step=step,
        center=center,
        scale=scale,
        seasons=tuple(seasons),
        noise=noise,
        floors=floors,
    )


def _season(content: bytes, at: int) -> tuple[Season, int]:
    import numpy as np

    period, waves = _SEASON.unpack_from(content, at)
    at += _SEASON.size
    amplitudes = np.frombuffer(content, "<c8", waves, at).astype(np.complex128)
    return Season(period, amplitudes), at + 8 * waves


def _noise(content: bytes, at: int, order: int) -> tuple[Noise, int]:
    import numpy as np

    sigma, power, tails, level, spread, spread_variance, follows, follows_variance = _NOISE.unpack_from(
        content, at
    )
    at += _NOISE.size
    phi = np.frombuffer(content, "<f4", order, at).astype(np.float64)
    at += 4 * order
    quantiles = np.frombuffer(content, "<i2", QUANTILES, at) * _FINEST
    noise = Noise(
        phi, sigma, power, tails, quantiles, level, spread, spread_variance, follows, follows_variance
    )
    return noise, at + 2 * QUANTILES
