"""Parameters of every node; the reference page and config/*.yaml are made from these classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ssc_ros.messages.occupancy import parse_bands, parse_costs
from ssc_ros.models.backends import BACKENDS, TORCH
from ssc_ros.models.estimator import AS_TRAINED
from ssc_ros.models.imenet.config import MAX_ITERATIONS
from ssc_ros.nodes.parameters import parameter, require_below


@dataclass(frozen=True, slots=True)
class LifecycleParameters:
    """What every node has."""

    autostart: bool = parameter(
        True, 'configure and activate at start-up; false when a lifecycle manager does it',
        read='start')
    files_directory: str = parameter(
        '', 'folder that files named at run time, by services or by parameters, cannot leave; '
        'empty = the working directory', read='start')


@dataclass(frozen=True, slots=True)
class InputParameters:
    """How images arrive."""

    transport: str = parameter(
        'raw', 'raw subscribes to sensor_msgs/Image; compressed to CompressedImage on '
        '<topic>/compressed, for depth on <topic>/compressedDepth', choices=('raw', 'compressed'),
        read='activation')
    rectify: bool = parameter(
        False, 'rectify the images here, for drivers that publish only raw ones',
        read='activation')


@dataclass(frozen=True, slots=True)
class SyncParameters:
    """How images of different topics are put together."""

    policy: str = parameter(
        'nearest', 'nearest matches the closest stamps; message_filters_approximate uses the '
        'stock filter where it is installed',
        choices=('nearest', 'message_filters_approximate'), read='activation')
    tolerance_ms: float = parameter(
        20.0, 'largest difference between stamps of one set', unit='ms', minimum=0.0,
        maximum=1000.0, live=True)


@dataclass(frozen=True, slots=True)
class PoseParameters:
    """Where the camera stands: the voxel box is placed upright on the floor before it."""

    source: str = parameter(
        'parameters', 'parameters: fixed height, pitch and roll; odometry: nav_msgs/Odometry of '
        'the optical frame on topic odom; tf: from world_frame to the optical frame',
        choices=('parameters', 'odometry', 'tf'), read='activation')
    camera_height_m: float = parameter(
        1.2, 'optical centre above the floor, for source parameters', unit='m', minimum=0.0,
        maximum=20.0, live=True)
    camera_pitch_deg: float = parameter(
        0.0, 'positive looks down, for source parameters', unit='deg', minimum=-80.0,
        maximum=80.0, live=True)
    camera_roll_deg: float = parameter(
        0.0, 'positive turns the camera clockwise, for source parameters', unit='deg',
        minimum=-180.0, maximum=180.0, live=True)
    heading: Literal['camera', 'world'] = parameter(
        'camera', 'camera: the box turns with the camera; world: its sides stay parallel to the '
        'axes of the world of odometry or tf, best where these are those of the walls',
        choices=('camera', 'world'), live=True)
    world_frame: str = parameter(
        'odom', 'z-up frame that source tf asks for', live=True)
    floor_z_m: float = parameter(
        0.0, 'height of the floor in the world frame of odometry or tf', unit='m',
        minimum=-1000.0, maximum=1000.0, live=True)
    tolerance_ms: float = parameter(
        50.0, 'largest difference between the stamps of image and odometry', unit='ms',
        minimum=0.0, maximum=1000.0, live=True)
    timeout_ms: float = parameter(
        100.0, 'longest wait for the pose of an image', unit='ms', minimum=0.0, maximum=5000.0,
        live=True)


@dataclass(frozen=True, slots=True)
class RgbdPoseParameters(PoseParameters):
    """An RGB-D camera can also tell from its own depth how it stands."""

    source: str = parameter(
        'parameters', 'parameters: fixed height, pitch and roll; odometry: nav_msgs/Odometry of '
        'the optical frame on topic odom; tf: from world_frame to the optical frame; depth: '
        'gravity and floor as the depth image of a room shows them, for want of anything better',
        choices=('parameters', 'odometry', 'tf', 'depth'), read='activation')


@dataclass(frozen=True, slots=True)
class ModelParameters:
    """Which network runs, and where."""

    weights: str = parameter(
        'occdepth_small_rooms', 'name or folder of a weights bundle; random:[<network>/]<preset> '
        'for random weights; dummy for an empty room without any network', path='name')
    device: str = parameter('auto', 'auto takes the first GPU, else the CPU; or a torch device')
    precision: str = parameter(
        'auto', 'number format of convolutions',
        choices=('auto', 'float32', 'bfloat16', 'float16'))
    backend: str = parameter(
        TORCH, 'what runs the network; onnxruntime needs the extra onnx and float32, exports the '
        'network once into the cache of the user, and knows all networks but IMENet',
        choices=BACKENDS)
    warm_up: bool = parameter(
        True, 'run the network once when the node is configured: the first frame is not slower '
        'than others, and the memory that it needs is known')


@dataclass(frozen=True, slots=True)
class RgbdModelParameters(ModelParameters):
    """Networks of RGB-D frames may refine their answer in a loop."""

    iterations: int = parameter(
        AS_TRAINED, 'how often IMENet exchanges labels between image and voxels: more cost time, '
        '0 exchanges none; -1 takes the number of its training, the only value for networks '
        'without such a loop', minimum=AS_TRAINED, maximum=MAX_ITERATIONS, live=True)


@dataclass(frozen=True, slots=True)
class OutputParameters:
    """What is sent."""

    min_confidence: float = parameter(
        0.0, 'voxels below it are left out of clouds, markers and navigation outputs',
        minimum=0.0, maximum=1.0, live=True)
    marker_edge_ratio: float = parameter(
        0.95, 'edge of the marker cubes relative to the voxels', minimum=0.05, maximum=1.0,
        live=True)
    marker_surface_only: bool = parameter(
        True, 'leave out of the markers the cubes that six others hide', live=True)
    obstacle_min_height_m: float = parameter(
        0.1, 'matter below it is no obstacle', unit='m above the floor', minimum=-10.0,
        maximum=100.0, live=True)
    obstacle_max_height_m: float = parameter(
        1.8, 'matter above it is no obstacle', unit='m above the floor', minimum=-10.0,
        maximum=100.0, live=True)
    completed_min_confidence: float = parameter(
        0.5, 'completed voxels below it are neither obstacles nor free space for navigation; '
        'observed ones only have to reach min_confidence', minimum=0.0, maximum=1.0, live=True)
    grid_bands: tuple[str, ...] = parameter(
        ('low:0.1:0.5', 'high:0.5:1.8'), 'further grids as name:lowest:highest in metres above '
        'the floor, each on ~/occupancy_grid/<name>')
    class_costs: str = parameter(
        '', 'costs that differ from those of the label space (~/classes), 0 = no obstacle at any '
        'height to 100 = lethal, e.g. curtain:30,rug:0', live=True)

    def __post_init__(self) -> None:
        require_below('outputs', self, 'obstacle_min_height_m', 'obstacle_max_height_m')
        parse_bands(self.grid_bands)
        parse_costs(self.class_costs)


@dataclass(frozen=True, slots=True)
class FusionParameters:
    """What is remembered of earlier frames."""

    enabled: bool = parameter(
        False, 'fuse the estimates into a map around the camera; needs pose.source odometry or tf')
    frame: str = parameter(
        '', 'frame of ~/fused/...; empty = that of the odometry, or pose.world_frame. It must be '
        'continuous, as odom is: a map frame that jumps smears the map')
    radius_m: float = parameter(
        6.5, 'half the edge of the square that is remembered; it follows the camera', unit='m',
        minimum=1.0, maximum=100.0)
    low_m: float = parameter(
        -0.4, 'bottom of the map', unit='m above the floor', minimum=-100.0, maximum=100.0)
    high_m: float = parameter(
        3.6, 'top of the map', unit='m above the floor', minimum=-100.0, maximum=100.0)
    half_life_s: float = parameter(
        60.0, 'after it evidence has faded to half its log-odds; times the persistence of the '
        'class (labels/spaces); 0 = it never fades', unit='s', minimum=0.0, maximum=1e6)
    observed_weight: float = parameter(
        1.0, 'log-odds of an observed voxel of confidence 1', minimum=0.01, maximum=10.0)
    completed_weight: float = parameter(
        0.5, 'log-odds of a completed voxel of confidence 1; however many there are, they never '
        'change what was observed', minimum=0.01, maximum=10.0)
    min_confidence: float = parameter(
        0.0, 'fused voxels below it are not sent', minimum=0.0, maximum=1.0, live=True)
    map_file: str = parameter(
        'fused_map.npz', 'file of ~/save_map and ~/load_map', live=True, path='file')


@dataclass(frozen=True, slots=True)
class TimingParameters:
    """What is kept of the time that frames took."""

    frames: int = parameter(
        1000, 'how many of the newest frames ~/write_timings writes into files_directory',
        minimum=1, maximum=100_000, read='start')


@dataclass(frozen=True, slots=True)
class PerceptionParameters(LifecycleParameters):
    """What nodes with a network share."""

    model: ModelParameters = field(default_factory=ModelParameters)
    input: InputParameters = field(default_factory=InputParameters)
    sync: SyncParameters = field(default_factory=SyncParameters)
    timings: TimingParameters = field(default_factory=TimingParameters)


@dataclass(frozen=True, slots=True)
class CompletionParameters(PerceptionParameters):
    """What nodes that complete scenes share."""

    pose: PoseParameters = field(default_factory=PoseParameters)
    outputs: OutputParameters = field(default_factory=OutputParameters)
    fusion: FusionParameters = field(default_factory=FusionParameters)


@dataclass(frozen=True, slots=True)
class StereoParameters(CompletionParameters):
    """stereo_node: both eyes are triggered together, so their stamps lie close."""

    sync: SyncParameters = field(
        default_factory=lambda: SyncParameters(tolerance_ms=5.0))


@dataclass(frozen=True, slots=True)
class RgbdParameters(CompletionParameters):
    """rgbd_node: colour and depth sensors often run free of each other."""

    model: RgbdModelParameters = field(
        default_factory=lambda: RgbdModelParameters(weights='random:small-rgbd'))
    pose: RgbdPoseParameters = field(default_factory=RgbdPoseParameters)


@dataclass(frozen=True, slots=True)
class DepthParameters:
    """Which depth the points are made of."""

    source: str = parameter(
        'network', 'network: the points are made of estimated depth; topic: of the image on '
        'depth/image_rect, registered to colour, and estimated depth goes to ~/depth all the same',
        choices=('network', 'topic'))
    factor: float = parameter(
        1.0, 'multiplies estimated depth: true distance by estimated distance of anything that '
        'was measured once', minimum=0.05, maximum=20.0, live=True)
    min_range_m: float = parameter(
        0.3, 'nearer points are left out', unit='m', minimum=0.0, maximum=100.0, live=True)
    max_range_m: float = parameter(
        10.0, 'farther points are left out', unit='m', minimum=0.0, maximum=1000.0, live=True)

    def __post_init__(self) -> None:
        require_below('depth', self, 'min_range_m', 'max_range_m')


@dataclass(frozen=True, slots=True)
class LabelParameters:
    """What is sent of the labels."""

    min_confidence: float = parameter(
        0.0, 'pixels below it have no label (255) and no point', minimum=0.0, maximum=1.0,
        live=True)
    overlay_opacity: float = parameter(
        0.5, 'of the class colours on ~/label_overlay', minimum=0.0, maximum=1.0, live=True)


@dataclass(frozen=True, slots=True)
class SegmentationParameters(PerceptionParameters):
    """segmentation_node: one colour camera, depth where there is some."""

    model: ModelParameters = field(
        default_factory=lambda: ModelParameters(weights='gad_small_nyu'))
    depth: DepthParameters = field(default_factory=DepthParameters)
    labels: LabelParameters = field(default_factory=LabelParameters)
