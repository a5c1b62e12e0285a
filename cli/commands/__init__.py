"""What each command does. Imported when it runs, so that `squall --help` stays quick."""
