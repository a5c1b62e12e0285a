"""AWS FIS for the local account: the API over moto's store, an engine that runs experiments on the wall clock,
actions (one class each) and the authorization of every effect against the experiment's role."""
