"""Time-ordered data of the systematics to maps of the original dataset."""

if campaign.simulation.engine == "response":

    rule simulate_maps:
        """Maps START to STOP of the original dataset, from the response.

        In: the response. Out: (n_maps, 3, n_pix), T, Q and U at maps.nside, K.
        Cost: one matrix product; seconds per thousand maps.
        """
        input:
            response="<results>/simulation/response.h5",
        output:
            "<results>/datasets/original/maps-{start}-{stop}.h5",
        log:
            "<logs>/simulate_maps/{start}-{stop}.log",
        benchmark:
            "<benchmarks>/simulate_maps/{start}-{stop}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("simulate_maps"),
            runtime=runtime("simulate_maps"),
        params:
            config=CONFIG,
            basis=basis("simulate_maps"),
        shell:
            "python $FEWTOMANY/simulation/simulate_maps.py --config {params.config}"
            " --start {wildcards.start} --stop {wildcards.stop}"
            " --response {input.response} --output {output} &> {log}"

    rule exact_covariance:
        """The exact covariance of the original dataset, sigma^2 A^T M M^T A.

        In: the response A. Out: mean (zero) and covariance (n, n), all Q pixels before all
        U pixels, K^2, float64; of more than 16,000 values the 512 leading modes and a diagonal.
        Cost: one matrix product.
        """
        input:
            response="<results>/simulation/response.h5",
        output:
            "<results>/covariances/exact.h5",
        log:
            "<logs>/exact_covariance.log",
        benchmark:
            "<benchmarks>/exact_covariance.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("exact_covariance"),
            runtime=runtime("exact_covariance"),
        params:
            config=CONFIG,
            basis=basis("exact_covariance"),
        shell:
            "python $FEWTOMANY/simulation/exact_covariance.py --config {params.config}"
            " --response {input.response} --output {output} &> {log}"

else:

    rule simulate_maps_directly:
        """Maps START to STOP of the original dataset, each by its own TOD.

        In: the sky map, if the signal has one. Out: (n_maps, 3, n_pix), T, Q and U at
        maps.nside, K. Cost: the samples of every map; pointings and ideal signal once for a group of
        maps.
        """
        input:
            sky_map=campaign.simulation.signal.sky_map or [],
        output:
            "<results>/datasets/original/maps-{start}-{stop}.h5",
        log:
            "<logs>/simulate_maps_directly/{start}-{stop}.log",
        benchmark:
            "<benchmarks>/simulate_maps_directly/{start}-{stop}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("simulate_maps_directly"),
            runtime=runtime("simulate_maps_directly"),
        params:
            config=CONFIG,
            basis=basis("simulate_maps_directly"),
        shell:
            "python $FEWTOMANY/simulation/simulate_maps.py --config {params.config}"
            " --start {wildcards.start} --stop {wildcards.stop} --output {output} &> {log}"
