"""`squall import`: reads what people have for FIS and Chaos Toolkit, and says what an experiment can't carry over."""
