"""On LMDB, for one process: ``store`` says what is where."""
