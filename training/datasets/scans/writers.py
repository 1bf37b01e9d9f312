"""Write scans in the on-disk layouts of ScanNet, Matterport3D, TUM RGB-D and SPSG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssc_ros.geometry.transforms import rotation_to_quaternion
from ssc_ros.labels import load_label_space
from training.segmenters.class_map import load_class_map

from .files import intrinsic_matrix, write_depth_png, write_jpeg, write_matrix, write_png
from .frame import Scan
from .matterport import COLOR_FOLDER, CONF_FOLDER, DEPTH_FOLDER, FLIP_YZ
from .matterport import UNITS_PER_M as MATTERPORT_UNITS
from .scannet import LABEL_TABLE
from .sens import write_sens
from .spsg import write_spsg_image
from .tum import UNITS_PER_M as TUM_UNITS

VIEWS_PER_PANORAMA = 18  # three cameras in six directions each


def write_sens_scan(scan: Scan, root: Path) -> Path:
    """Write `<name>/<name>.sens`; labels have no place in it."""
    folder = root / scan.name
    write_sens(folder / f'{scan.name}.sens', scan)
    return folder


def write_scannet_scan(scan: Scan, root: Path) -> Path:
    """Write the extracted layout of ScanNet, with label images and their table beside it."""
    folder = root / scan.name
    to_nyu40 = None
    if scan.label_space is not None:
        own = load_label_space(scan.label_space)
        table = load_class_map(own.name, 'nyu40').table(own.names).astype(np.uint16)
        # Raw ids are NYU-40 ids, which count from 1; 0 is no label.
        to_nyu40 = np.where(table == 255, 0, table + 1).astype(np.uint16)
        write_label_table(root / LABEL_TABLE)
    for name in ('intrinsic', 'pose'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(scan):
        write_jpeg(folder / 'color' / f'{number}.jpg', frame.rgb)
        write_depth_png(folder / 'depth' / f'{number}.png', frame.depth_m)
        write_matrix(folder / 'pose' / f'{number}.txt', frame.T_world_camera)
        if to_nyu40 is not None and frame.labels is not None:
            write_png(folder / 'label-filt' / f'{number}.png', to_nyu40[frame.labels])
        for kind, camera in (('color', frame.color_camera), ('depth', frame.depth_camera)):
            write_matrix(folder / 'intrinsic' / f'intrinsic_{kind}.txt', intrinsic_matrix(camera))
            write_matrix(folder / 'intrinsic' / f'extrinsic_{kind}.txt', np.eye(4))
    identity = ' '.join(f'{value:.6f}' for value in np.eye(4).ravel())
    (folder / f'{scan.name}.txt').write_text(f'axisAlignment = {identity}\n', encoding='utf-8')
    return folder


def write_label_table(path: Path) -> None:
    """Write the table of raw ids with the classes of NYU-40 as its raw categories."""
    rows = [f'{number}\t{name}\t{number}'
            for number, name in enumerate(load_label_space('nyu40').names, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(['id\traw_category\tnyu40id', *rows, '']), encoding='utf-8')


def write_matterport_scan(scan: Scan, root: Path) -> Path:
    """Write the undistorted images and the .conf of a Matterport3D building."""
    folder = root / scan.name
    lines = ['dataset matterport', f'n_images {len(scan)}', f'depth_directory {DEPTH_FOLDER}',
             f'color_directory {COLOR_FOLDER}']
    for number, frame in enumerate(scan):
        panorama, view = divmod(number, VIEWS_PER_PANORAMA)
        camera, yaw = divmod(view, 6)
        names = f'{panorama:032x}_d{camera}_{yaw}.png', f'{panorama:032x}_i{camera}_{yaw}.jpg'
        write_depth_png(folder / DEPTH_FOLDER / names[0], frame.depth_m, MATTERPORT_UNITS)
        write_jpeg(folder / COLOR_FOLDER / names[1], frame.rgb)
        k = frame.color_camera.matrix
        k[1, 2] = frame.color_camera.height - 1 - k[1, 2]  # counted from the bottom
        matrices = k, frame.T_world_camera @ FLIP_YZ
        k_text, pose_text = (' '.join(repr(float(v)) for v in m.ravel()) for m in matrices)
        lines += [f'intrinsics_matrix {k_text}', f'scan {names[0]} {names[1]} {pose_text}']
    path = folder / CONF_FOLDER / f'{scan.name}.conf'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join([*lines, '']), encoding='utf-8')
    return folder


def write_tum_scan(scan: Scan, root: Path) -> Path:
    """Write the time-stamped lists of TUM RGB-D; its calibration lies in camera.txt."""
    folder = root / scan.name
    depths, colors, poses = ['# time file'], ['# time file'], ['# time x y z qx qy qz qw']
    for frame in scan:
        time = f'{frame.stamp_ns / 1e9:.6f}'
        write_depth_png(folder / 'depth' / f'{time}.png', frame.depth_m, TUM_UNITS)
        write_png(folder / 'rgb' / f'{time}.png', frame.rgb)
        pose = frame.T_world_camera
        numbers = (*pose[:3, 3], *rotation_to_quaternion(pose[:3, :3]))
        depths.append(f'{time} depth/{time}.png')
        colors.append(f'{time} rgb/{time}.png')
        poses.append(' '.join([time, *(f'{value:.9f}' for value in numbers)]))
        write_matrix(folder / 'camera.txt', frame.depth_camera.matrix)
    for name, lines in (('depth', depths), ('rgb', colors), ('groundtruth', poses)):
        (folder / f'{name}.txt').write_text('\n'.join([*lines, '']), encoding='utf-8')
    return folder


def write_spsg_scan(scan: Scan, root: Path) -> Path:
    """Write the images of a scene as SPSG's loader reads them."""
    for frame in scan:
        write_spsg_image(root / scan.name, frame)
    return root / scan.name


LAYOUTS: dict[str, Callable[[Scan, Path], Path]] = {
    'sens': write_sens_scan, 'scannet': write_scannet_scan, 'matterport': write_matterport_scan,
    'tum': write_tum_scan, 'spsg': write_spsg_scan}
