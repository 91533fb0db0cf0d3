"""How the survival layer works, with references, and how to get the same numbers again."""

from __future__ import annotations

from heor.report.format.blocks import Block, Command, Paragraph, paragraphs
from heor.report.format.command_line import command_line
from heor.report.sections.method import source_list
from heor.report.survival.tables import source_table
from heor.survival_analysis import SurvivalResults

LIKELIHOOD = (
    "**Likelihood.** Deaths (events) and censorings of patients or counts, all causes. The fitted "
    "distribution is the excess over background mortality, S = exp(−H) S_background (relative survival; "
    "Dickman et al. 2004, doi:10.1002/sim.1597), with the life table of the country at the age and sex "
    "mix of the patients. An event in an interval contributes log(S(a) − S(b)), a censored patient the "
    "mean of log S(a) and log S(b); individual data log(h + h_background) at events; survivors by "
    "interval a binomial. Published curves are turned into patients first (after Guyot et al. 2012, "
    "doi:10.1186/1471-2288-12-9). Expert opinion on survival is a factor of the likelihood (Cooney and "
    "White 2023, doi:10.1177/0272989X221150212)."
)
PRIORS = (
    "**Priors.** Weakly informative, on the unconstrained scale of each parameter; the table of priors "
    "shows each with its posterior. A posterior mean more than 2.5 joint standard deviations from its "
    "prior is a caution (after Evans and Moshonov 2006, doi:10.1214/06-BA129)."
)
WEIGHTS = (
    "**Comparison and weights.** Expected log predictive density by Pareto-smoothed leave-one-out over "
    "patients (Vehtari, Gelman and Gabry 2017, doi:10.1007/s11222-016-9696-4), OS and PFS of a data set "
    "together where they list the same families, and each by itself where they do not; weights by stacking of "
    "predictive distributions (Yao et al. 2018, doi:10.1214/17-BA1091). No family is dropped by an information "
    "criterion; one whose fit failed is left out, its weight unknown."
)
CHECKS = (
    "**Checks.** Kaplan–Meier with log-log Greenwood interval (actuarial for counts); local linear "
    "kernel hazard (Hiabu et al. 2015, doi:10.15446/rce.v38n2.51668); posterior predictive checks (Gabry et "
    "al. 2019, doi:10.1111/rssa.12378)."
)
EFFECTS = (
    "**Relative effects.** Normal-normal random effects, half-normal prior on tau, predictive effect "
    "(Higgins, Thompson and Spiegelhalter 2009, doi:10.1111/j.1467-985X.2008.00552.x). The hazard ratio of "
    "the uncured is solved so that the limit of the Cox estimator is the marginal one (Struthers and "
    "Kalbfleisch 1986, doi:10.1093/biomet/73.2.363)."
)
GUIDANCE = (
    "**Guidance.** What is shown follows NICE Decision Support Unit technical support documents 14 (see "
    "Latimer 2013, doi:10.1177/0272989X12472398) and 21 (flexible methods, Rutherford et al. 2020)."
)


def method_section(results: SurvivalResults) -> list[Block]:
    """Likelihood, priors, sampler, weights, checks and guidance."""
    return paragraphs(LIKELIHOOD, PRIORS, _sampler(results), WEIGHTS, CHECKS, EFFECTS, GUIDANCE)


def _sampler(results: SurvivalResults) -> str:
    fit = results.problem.settings.fit
    laplace = (
        "mode and curvature, a multivariate t of 5 degrees of freedom as proposal, importance weights "
        "smoothed by a generalised Pareto (PSIS), and systematic resampling"
    )
    if fit.quick:
        return (
            f"**Posteriors.** Quick run: Laplace approximation ({laplace}); {fit.chains * fit.draws:,} draws "
            "a fit. Fits it cannot be trusted for are sampled by NUTS. Not for a decision."
        )
    return (
        "**Posteriors.** NUTS (Hoffman and Gelman 2014; PyMC, doi:10.7717/peerj-cs.1516, with the nutpie "
        f"sampler): {fit.chains} chains of {fit.draws:,} draws after {fit.tune:,} of adaptation, target "
        f"acceptance {fit.target_accept:g} or the family's own if higher. Convergence by rank-normalised split "
        f"R-hat and effective sample sizes (Vehtari et al. 2021, doi:10.1214/20-BA1221). Data without "
        f"expert opinion are fitted by Laplace approximation ({laplace}). All families are fitted by the same "
        "method here; `heor run` may sample only those with weight."
    )


def survival_command(results: SurvivalResults) -> str:
    """What to type to get the same numbers."""
    options = [] if results.priors == "standard" else [f"--priors {results.priors}"]
    return command_line(results.problem, "survival", *options)


def reproduce_section(results: SurvivalResults) -> list[Block]:
    """Command and files."""
    return [
        Command(survival_command(results)),
        Paragraph(
            "Exact numbers: `tables/*.csv` (every table above and the curves of every figure). Versions, "
            "seed, hashes of the inputs and seconds: `run.json`."
        ),
    ]


def source_section(results: SurvivalResults) -> list[Block]:
    """The sources."""
    return source_list(source_table(results))
