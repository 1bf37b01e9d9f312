"""ROS messages to arrays and back, fast; never imports rclpy."""
