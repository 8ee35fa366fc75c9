rule table:
    input:
        rows=lambda wildcards: [
            ancient(str(path)) for path in PLAN.tables[wildcards.table].inputs
        ],
        specification=lambda wildcards: table_specification(wildcards.table),
    output:
        table="results/tables/{table}.csv",
        metrics="results/tables/{table}.metrics.csv",
    log:
        "results/logs/tables/{table}.log",
    conda:
        ENVIRONMENT
    params:
        specification=lambda wildcards: PLAN.tables[wildcards.table].specification,
    script:
        "../workflow_scripts/tables.py"


# Every experiment is a target by its own name.
for experiment in PLAN.tables:

    rule:
        name:
            experiment
        input:
            table_path(experiment),
        localrule: True
