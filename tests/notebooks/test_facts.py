"""Every fact that lesson 1 promises stands in the text of the release: not in a widget, not in an output.

A fact is a row of words that must occur together in the text of one section (any order, any case, figures as written).
"""

from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]

FACTS = {
    "0_start_here": [
        "87 % | VentureBeat | 2019",
        "85 % | Gartner | 2018 | erroneous outcomes",
        "53 % | Gartner | 2020",
        "54 % | Gartner | 2022",
        "78 % | Dimensional Research | Alegion | 2019 | stall",
        "samuel2024 | 27,271 | 22,578 | 15,817 | 10,388 | 1,203 | 879",
        "silently | MLOps",
    ],
    "1_the_gap": [
        "streaming | batch | on-device",
        "by hand | schedule | drift",
        "logged | audit",
        "rollback | kill switch | fallback",
        "two engineers | six months | reproduce",
        "notebook | starts | none",
    ],
    "2_one_sentence": [
        "software engineers ship code | code + data + models + configs",
        "each of the four | break | cross product",
        "sculley2015",
    ],
    "3_whats_different": [
        "determinism | stochastic | same code",
        "unit | integration | end to end | data quality | schema | distribution | fairness | performance",
        "failure mode | loud | crash | silent",
        "source of truth | code + config | data snapshot | weights",
        "works on my machine | containeri | data version | seed | GPU",
        "cost of being wrong | at once | drift | weeks",
        "monitoring | version | snapshot",
        "pham2020 | bouthillier2021 | rabanser2019",
    ],
    "4_five_pillars": [
        "reproducibility | pin | data | code | environment | seeds | 1, 2",
        "containerization | dependencies | everywhere | 3",
        "serving | API | latency | availab | 4",
        "CI/CD | testing | training | deploy | 5",
        "observability | data drift | decay | operational | 6",
        "7 | 8 | Kubernetes | spine",
        "papasian2020 | 96",
    ],
    "5_cost_of_skipping": [
        "retail | recommender | 8 % | month | NaN | upstream",
        "bank | fraud | 2019 | 2022 | five times | false-positive | pandemic",
        "search | ranker | 1 % | six weeks | overwritten | A/B",
        "in none of them | model | systems",
        "baylor2017 | 2 %",
        "instacart2020 | 93 % | 61 %",
        "zillow2021 | 304 million | disputed",
        "kapoor2023 | 17 | 294",
        "wong2021 | .63 | .76 | .83 | 1,709 | 2,552 | 18 %",
        "acs | .903 | .902 | .905 | .906",
        "not named | told",
    ],
    "6_ownership": [
        "data scientist | ML researcher | model training | feature engineering | evaluation",
        "ML engineer | production code | training pipelines | serving",
        "platform engineer | infrastructure | CI/CD | monitoring | registr",
        "data engineer | upstream | feature store",
        "SRE | on-call | incidents | paging | post-mortem",
        "one or two people | large | connective tissue | contracts | dashboards | pipelines",
    ],
    "7_roadmap": [
        "42 lessons | 44",
        "MLflow | DVC | environment",
        "Docker | Compose",
        "FastAPI | load-test",
        "GitHub Actions",
        "drift | dashboard",
        "Kubernetes | Kubeflow",
        "feature store | Airflow",
        "The ML Lifecycle and Technical Debt",
    ],
}


def text_of(section: str) -> str:
    notebook = nbformat.read(ROOT / "release" / "01_what_is_mlops" / f"{section}.ipynb", as_version=4)
    words = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    plain = words.replace("\u00a0", " ").replace("\u202f", " ").replace("**", "").replace("%", " %")
    return " ".join(plain.split()).lower()


@pytest.mark.parametrize(("section", "fact"), [(s, fact) for s, facts in FACTS.items() for fact in facts])
def test_does_the_release_say_it_in_its_text(section, fact):
    text = text_of(section)
    missing = [words for words in fact.split(" | ") if " ".join(words.replace("%", " %").split()).lower() not in text]
    assert not missing, f"{section} does not say {missing}"


def test_the_lesson_bears_its_title():
    assert "what is mlops and why it matters" in text_of("0_start_here")
