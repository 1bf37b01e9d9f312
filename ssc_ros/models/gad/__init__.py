"""GAD: one colour image in, class and depth of every pixel out (Jiao et al., CVPR 2019)."""
