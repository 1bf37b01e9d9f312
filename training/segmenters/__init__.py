"""Segmenters of colour images that pseudo labels come from, and their class maps."""

from .class_map import ClassMap, available_class_maps, load_class_map
from .segmenter import CONFIDENCE_MIN, EstimatorSegmenter, Segmentation, Segmenter

__all__ = ['CONFIDENCE_MIN', 'ClassMap', 'EstimatorSegmenter', 'Segmentation', 'Segmenter',
           'available_class_maps', 'load_class_map']
