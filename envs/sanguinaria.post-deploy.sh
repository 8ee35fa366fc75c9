# Generated from pyproject.toml by `make schema`: packages that are installed without their dependencies.
set -e
python -m pip install --quiet --no-deps Resemblyzer==0.1.4 distillmos==0.9.1 xls-r-sqa==0.1.0
