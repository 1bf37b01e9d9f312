"""Label spaces: what the class ids of a network or data set mean."""

from ssc_ros.labels.label_space import (
    IGNORE_ID,
    LabelSpace,
    available_label_spaces,
    load_label_space,
)

__all__ = ['IGNORE_ID', 'LabelSpace', 'available_label_spaces', 'load_label_space']
