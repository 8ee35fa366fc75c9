rule table:
    input:
        lambda wildcards: PLAN.tables[wildcards.table].inputs,
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
