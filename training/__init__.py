"""Offline training, evaluation and data for ssc_ros; run from the checkout."""
