"""The pass over time-ordered data that a response is made of: of the simulation, and of a surrogate."""


rule simulate_response:
    """One shard of the pass over the TOD: chunks START to STOP.

    In: the sky map, if the signal has one. Out: for each chunk the normal matrices of
    the pixels it hits and, per linear systematic and detector, the binned TOD of a unit
    amplitude (HDF5, K, float64).
    Cost: proportional to the samples; about a minute per 1e8 on one core.
    """
    input:
        sky_map=lambda wildcards: PASSES[wildcards.origin].simulation.signal.sky_map or [],
    output:
        "<results>/{origin}/response/chunks-{start}-{stop}.h5",
    log:
        "<logs>/simulate_response/{origin}-{start}-{stop}.log",
    benchmark:
        "<benchmarks>/simulate_response/{origin}-{start}-{stop}.tsv"
    wildcard_constraints:
        origin=any_of(PASSES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("simulate_response"),
        mem_mb_per_cpu=memory("simulate_response"),
        runtime=runtime("simulate_response"),
    params:
        config=CONFIG,
        surrogate=surrogate_option,
        basis=basis_of_pass("simulate_response"),
        launcher=launcher,
        ranks=ranks,
    shell:
        "{params.launcher} python $FEWTOMANY/simulation/simulate_response.py {params.ranks}"
        " --config {params.config} {params.surrogate}"
        " --start {wildcards.start} --stop {wildcards.stop} --output {output} &> {log}"


rule merge_response:
    """The response: the map of a unit amplitude in every chunk of every detector.

    In: all shards of the pass. Out: (n_chunks * n_systematics * n_detectors, 3, n_pix),
    T, Q and U at maps.nside, K per unit amplitude, float64. Cost: the size of that array.
    """
    input:
        lambda wildcards: [
            f"<results>/{wildcards.origin}/response/chunks-{shard.label}.h5"
            for shard in PASSES[wildcards.origin].chunk_shards
        ],
    output:
        "<results>/{origin}/response.h5",
    log:
        "<logs>/merge_response/{origin}.log",
    benchmark:
        "<benchmarks>/merge_response/{origin}.tsv"
    wildcard_constraints:
        origin=any_of(PASSES),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("merge_response"),
        runtime=runtime("merge_response"),
    params:
        config=CONFIG,
        surrogate=surrogate_option,
        basis=basis_of_pass("merge_response"),
    shell:
        "python $FEWTOMANY/simulation/merge_response.py --config {params.config} {params.surrogate}"
        " --output {output} {input} &> {log}"
