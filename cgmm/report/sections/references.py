"""The works that the methods text may cite."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One entry of the reference list."""

    key: str
    citation: str
    link: str = ""


REFERENCES = {
    "delon": Reference(
        "Delon & Desolneux 2020",
        "Delon J, Desolneux A. A Wasserstein-type distance in the space of Gaussian mixture "
        "models. SIAM Journal on Imaging Sciences 13(2):936–970, 2020.",
        "https://doi.org/10.1137/19M1301047",
    ),
    "chizat": Reference(
        "Chizat et al. 2018",
        "Chizat L, Peyré G, Schmitzer B, Vialard F-X. Scaling algorithms for unbalanced optimal "
        "transport problems. Mathematics of Computation 87:2563–2609, 2018.",
        "https://doi.org/10.1090/mcom/3303",
    ),
    "liero": Reference(
        "Liero et al. 2018",
        "Liero M, Mielke A, Savaré G. Optimal entropy-transport problems and a new "
        "Hellinger–Kantorovich distance between positive measures. Inventiones Mathematicae "
        "211:969–1117, 2018.",
        "https://doi.org/10.1007/s00222-017-0759-8",
    ),
    "bhatia": Reference(
        "Bhatia et al. 2019",
        "Bhatia R, Jain T, Lim Y. On the Bures–Wasserstein distance between positive definite "
        "matrices. Expositiones Mathematicae 37(2):165–191, 2019.",
        "https://doi.org/10.1016/j.exmath.2018.01.002",
    ),
    "cuturi": Reference(
        "Cuturi et al. 2022",
        "Cuturi M, Meng-Papaxanthos L, Tian Y, Bunne C, Davis G, Teboul O. Optimal Transport "
        "Tools (OTT): a JAX toolbox for all things Wasserstein. arXiv:2201.12324, 2022.",
        "https://arxiv.org/abs/2201.12324",
    ),
    "love": Reference(
        "Love et al. 2014",
        "Love MI, Huber W, Anders S. Moderated estimation of fold change and dispersion for "
        "RNA-seq data with DESeq2. Genome Biology 15:550, 2014.",
        "https://doi.org/10.1186/s13059-014-0550-8",
    ),
    "muzellec": Reference(
        "Muzellec et al. 2023",
        "Muzellec B, Teleńczuk M, Cabeli V, Andreux M. PyDESeq2: a python package for bulk "
        "RNA-seq differential expression analysis. Bioinformatics 39(9):btad547, 2023.",
        "https://doi.org/10.1093/bioinformatics/btad547",
    ),
    "wolf": Reference(
        "Wolf et al. 2018",
        "Wolf FA, Angerer P, Theis FJ. SCANPY: large-scale single-cell gene expression data "
        "analysis. Genome Biology 19:15, 2018.",
        "https://doi.org/10.1186/s13059-017-1382-0",
    ),
    "virshup": Reference(
        "Virshup et al. 2024",
        "Virshup I, Rybakov S, Theis FJ, Angerer P, Wolf FA. anndata: access and store annotated "
        "data matrices. Journal of Open Source Software 9(101):4371, 2024.",
        "https://doi.org/10.21105/joss.04371",
    ),
    "moelder": Reference(
        "Mölder et al. 2021",
        "Mölder F, Jablonski KP, Letcher B, et al. Sustainable data analysis with Snakemake. "
        "F1000Research 10:33, 2021.",
        "https://doi.org/10.12688/f1000research.29032.2",
    ),
    "benjamini": Reference(
        "Benjamini & Hochberg 1995",
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful "
        "approach to multiple testing. Journal of the Royal Statistical Society B 57(1):289–300, "
        "1995.",
        "https://doi.org/10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "korsunsky": Reference(
        "Korsunsky et al. 2019",
        "Korsunsky I, Millard N, Fan J, et al. Fast, sensitive and accurate integration of "
        "single-cell data with Harmony. Nature Methods 16:1289–1296, 2019.",
        "https://doi.org/10.1038/s41592-019-0619-0",
    ),
    "smyth": Reference(
        "Smyth 2004",
        "Smyth GK. Linear models and empirical Bayes methods for assessing differential expression "
        "in microarray experiments. Statistical Applications in Genetics and Molecular Biology "
        "3(1):3, 2004.",
        "https://doi.org/10.2202/1544-6115.1027",
    ),
    "phipson": Reference(
        "Phipson et al. 2022",
        "Phipson B, Sim CB, Porrello ER, et al. propeller: testing for differences in cell type "
        "proportions in single cell data. Bioinformatics 38(20):4720–4726, 2022.",
        "https://doi.org/10.1093/bioinformatics/btac582",
    ),
    "rao": Reference(
        "Rao & Wu 1988",
        "Rao JNK, Wu CFJ. Resampling inference with complex survey data. Journal of the American "
        "Statistical Association 83(401):231–241, 1988.",
        "https://doi.org/10.1080/01621459.1988.10478591",
    ),
    "rubin": Reference(
        "Rubin 1987",
        "Rubin DB. Multiple imputation for nonresponse in surveys. Wiley, New York, 1987.",
        "https://doi.org/10.1002/9780470316696",
    ),
    "traag": Reference(
        "Traag et al. 2019",
        "Traag VA, Waltman L, van Eck NJ. From Louvain to Leiden: guaranteeing well-connected "
        "communities. Scientific Reports 9:5233, 2019.",
        "https://doi.org/10.1038/s41598-019-41695-z",
    ),
    "luxburg": Reference(
        "von Luxburg 2010",
        "von Luxburg U. Clustering stability: an overview. Foundations and Trends in Machine "
        "Learning 2(3):235–274, 2010.",
        "https://doi.org/10.1561/2200000008",
    ),
    "saerens": Reference(
        "Saerens et al. 2002",
        "Saerens M, Latinne P, Decaestecker C. Adjusting the outputs of a classifier to new a "
        "priori probabilities: a simple procedure. Neural Computation 14(1):21–41, 2002.",
        "https://doi.org/10.1162/089976602753284446",
    ),
    "mcinnes": Reference(
        "McInnes et al. 2018",
        "McInnes L, Healy J, Melville J. UMAP: uniform manifold approximation and projection for "
        "dimension reduction. arXiv:1802.03426, 2018.",
        "https://arxiv.org/abs/1802.03426",
    ),
}
