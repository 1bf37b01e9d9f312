"""The standard 795/654 split of NYUv2, and validation subsets that share no scene with it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ssc_ros.errors import DataError

NUM_FRAMES = 1449
# CRC32 of the comma-joined ascending ids.
TEST_CRC = 2170389884
_TEST_RANGES = """
1-2,9,14-18,21,28-43,46-47,56-57,59-63,76-79,84-91,117-119,125-129,131-134,137,153-155,167-169,
171-176,180-202,207-212,220-222,250,264,271-273,279-285,296-302,310-312,315-317,325-335,351-352,
355-364,384-390,395-397,411-414,430-435,441-448,462-466,469-477,508-513,515-526,531-533,537-539,
549-551,555-571,579-583,591-594,603-607,612-613,617-621,633-638,644-645,650-651,656-658,663-664,
668-673,676-681,686-690,693-694,697-699,706-713,717-718,724-728,731-734,743-744,759-787,800-804,
810-814,821-823,833-846,850-852,857-862,869-871,906-908,917-919,926-928,932-935,945-947,959-962,
965-967,970-977,991-995,1001-1004,1010-1012,1021-1023,1032-1034,1038-1039,1048-1049,1052-1053,
1057-1058,1075-1084,1088-1096,1098-1104,1106-1109,1117-1119,1123-1131,1135-1136,1144-1158,
1162-1167,1170-1171,1174-1176,1179-1184,1192-1196,1201-1212,1216-1220,1226-1230,1233-1235,
1247-1250,1254-1265,1275-1280,1285-1295,1297-1299,1302-1308,1314-1315,1329-1332,1335-1340,
1347-1349,1353-1356,1364-1365,1368-1369,1384-1391,1394-1401,1407-1414,1421-1424,1430-1433,
1441-1449
"""


def parse_ranges(text: str) -> tuple[int, ...]:
    """
    Expand a list of ids and inclusive ranges.

    >>> parse_ranges('1-3,7')
    (1, 2, 3, 7)
    """
    ids: list[int] = []
    for part in text.replace('\n', '').split(','):
        first, _, last = part.partition('-')
        ids.extend(range(int(first), int(last or first) + 1))
    return tuple(ids)


TEST_IDS = parse_ranges(_TEST_RANGES)
TRAIN_IDS = tuple(sorted(set(range(1, NUM_FRAMES + 1)) - set(TEST_IDS)))
STANDARD_IDS = {'train': TRAIN_IDS, 'test': TEST_IDS, 'all': tuple(range(1, NUM_FRAMES + 1))}


def ids_crc(ids: Iterable[int]) -> int:
    """Return the CRC32 of the comma-joined ascending ids."""
    return zlib.crc32(','.join(map(str, sorted(ids))).encode())


def split_of(frame_id: int) -> str:
    """Return the half of the standard split that a frame belongs to."""
    return 'test' if frame_id in _TEST_SET else 'train'


def is_standard(ids: Sequence[int], split: str) -> bool:
    """Tell whether ids are exactly the standard train, test or whole list."""
    return split in STANDARD_IDS and ids_crc(ids) == ids_crc(STANDARD_IDS[split])


def standard_ids(split: str) -> tuple[int, ...]:
    """
    Return the frames of the standard train, test or whole list.

    Raises:
        DataError: the split is none of these.
    """
    if split not in STANDARD_IDS:
        raise DataError(f'split {split!r} is unknown: use {", ".join(STANDARD_IDS)} or ids')
    return STANDARD_IDS[split]


def read_split_list(path: Path) -> tuple[int, ...]:
    """
    Read a list of ids, one a line.

    Raises:
        DataError: the file is missing, empty, has other lines than ids, or repeats one.
    """
    try:
        ids = tuple(int(line) for line in path.read_text(encoding='ascii').split())
    except (OSError, ValueError) as error:
        raise DataError(
            f'{path} cannot be read as a split list ({error}): it needs one frame number a line, '
            'e.g. 0001') from error
    if not ids or len(set(ids)) != len(ids):
        raise DataError(f'{path} is empty or names a frame twice: write each number once')
    return ids


def scene_runs(ids: Iterable[int]) -> list[list[int]]:
    """
    Group ids into runs of neighbours: frames of one scene are consecutive.

    >>> scene_runs([1, 2, 5])
    [[1, 2], [5]]
    """
    runs: list[list[int]] = []
    for frame_id in sorted(ids):
        if runs and frame_id == runs[-1][-1] + 1:
            runs[-1].append(frame_id)
        else:
            runs.append([frame_id])
    return runs


def hold_out(
    ids: Iterable[int], count: int, seed: int = 0,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """
    Split ids into a training and a validation part of at most `count` frames, by whole runs.

    Frames of one scene never lie on both sides, which single random frames would not ensure.
    """
    runs = scene_runs(ids)
    chosen: list[int] = []
    for index in np.random.default_rng(seed).permutation(len(runs)):
        if len(chosen) + len(runs[index]) <= count:
            chosen += runs[index]
    held = set(chosen)
    kept = tuple(frame_id for run in runs for frame_id in run if frame_id not in held)
    return kept, tuple(sorted(held))


_TEST_SET = frozenset(TEST_IDS)
