"""On RocketMQ: ``store`` says what is where."""
