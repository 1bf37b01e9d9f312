"""The verbs of the ``ssc_ros`` command line, one module each."""
