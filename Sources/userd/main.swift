// The command line of userd.
