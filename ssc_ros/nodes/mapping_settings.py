"""Parameters of mapping_node."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec

from ssc_ros.nodes.parameters import parameter, require_below
from ssc_ros.nodes.settings import ModelParameters, PerceptionParameters, PoseParameters


@dataclass(frozen=True, slots=True)
class MappingPoseParameters:
    """Where the camera was when it saw an image; a map needs a pose for every frame."""

    source: str = parameter(
        'auto', 'tf: from world_frame to the optical frame; odometry: nav_msgs/Odometry of the '
        'optical frame on topic odom; auto: tf where tf2_ros is installed, else odometry',
        choices=('auto', 'tf', 'odometry'))
    world_frame: str = parameter(
        'odom', 'z-up frame that the map is given in; should not jump, as map frames do')
    floor_z_m: float = parameter(
        0.0, 'height of the floor in world_frame', unit='m', minimum=-1000.0, maximum=1000.0)
    tolerance_ms: float = parameter(
        50.0, 'largest difference between the stamps of image and odometry', unit='ms',
        minimum=0.0, maximum=1000.0, live=True)
    timeout_ms: float = parameter(
        100.0, 'longest wait for the pose of an image', unit='ms', minimum=0.0, maximum=5000.0,
        live=True)

    def looked_up(self) -> PoseParameters:
        """Return what ``poses.create_pose_source`` takes; poses stay as they are in the world."""
        source = self.source
        if source == 'auto':
            source = 'odometry' if find_spec('tf2_ros') is None else 'tf'
        return PoseParameters(
            source=source, world_frame=self.world_frame,
            tolerance_ms=self.tolerance_ms, timeout_ms=self.timeout_ms)


@dataclass(frozen=True, slots=True)
class MapParameters:
    """What is kept of the world; voxel size and height are those of the network."""

    extent_m: float = parameter(
        10.24, 'edge of the square that the map covers around the camera; what it leaves is '
        'forgotten', unit='m', minimum=1.0, maximum=200.0)
    max_memory_mb: int = parameter(
        2000, 'a larger map is refused when the node is configured', unit='MB', minimum=1,
        maximum=1_000_000)
    min_depth_m: float = parameter(
        0.4, 'nearer depth is not fused', unit='m', minimum=0.05, maximum=20.0)
    max_depth_m: float = parameter(
        4.0, 'farther depth is not fused', unit='m', minimum=0.1, maximum=20.0)
    file: str = parameter(
        'map', 'what ~/save and ~/load write and read (with .npz behind it) and ~/export_mesh '
        'writes (with .ply); relative to files_directory, which names set at run time cannot '
        'leave', live=True, path='file')

    def __post_init__(self) -> None:
        require_below('map', self, 'min_depth_m', 'max_depth_m')


@dataclass(frozen=True, slots=True)
class MapCompletionParameters:
    """When and where the network runs."""

    enabled: bool = parameter(
        True, 'false leaves the network alone: a map of what was measured, without labels',
        live=True)
    extent_m: float = parameter(
        3.84, 'edge of the square that is completed at once; a shorter one than a chunk of the '
        'network and 32 voxels is made so long, that squares can overlap', unit='m', minimum=0.1,
        maximum=200.0)
    ahead_m: float = parameter(
        1.0, 'the middle of that square lies this far before the camera', unit='m', minimum=0.0,
        maximum=20.0, live=True)
    rest_s: float = parameter(
        0.2, 'pause between two completions, for the other threads', unit='s', minimum=0.0,
        maximum=3600.0, live=True)
    niceness: int = parameter(
        5, 'how readily the network leaves the CPU to the fusion and to other processes, as of '
        'the command nice; of Linux only', minimum=0, maximum=19)


@dataclass(frozen=True, slots=True)
class MapOutputParameters:
    """What is sent of the map."""

    period_s: float = parameter(
        1.0, 'time between two looks at the map: what changed is sent, what did not every 5 s',
        unit='s', minimum=0.05, maximum=3600.0, live=True)
    color: str = parameter(
        'surface', 'of points and mesh; surface: as seen, or as the network colours what was not '
        'seen; class: of the label', choices=('surface', 'class'), live=True)
    min_confidence: float = parameter(
        0.0, 'completed voxels below it are left out of clouds and markers; measured ones never',
        minimum=0.0, maximum=1.0, live=True)
    marker_edge_ratio: float = parameter(
        0.95, 'edge of the marker cubes relative to the voxels', minimum=0.05, maximum=1.0,
        live=True)


@dataclass(frozen=True, slots=True)
class MappingParameters(PerceptionParameters):
    """mapping_node: posed RGB-D frames to a completed map."""

    model: ModelParameters = field(
        default_factory=lambda: ModelParameters(weights='s4r_small_rooms'))
    pose: MappingPoseParameters = field(default_factory=MappingPoseParameters)
    map: MapParameters = field(default_factory=MapParameters)
    completion: MapCompletionParameters = field(default_factory=MapCompletionParameters)
    outputs: MapOutputParameters = field(default_factory=MapOutputParameters)
