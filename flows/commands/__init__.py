"""The commands of `sijill`, a module for each kind of task. What they do lives beside this folder."""
