//! Words in common: stems, near synonyms, and the weight of a text for a query by BM25 (Robertson & Zaragoza 2009, "The
//! Probabilistic Relevance Framework", equation 3.15, with the inverse document frequency that is never negative).

use std::collections::{BTreeMap, HashMap, HashSet};

/// How fast a word that comes again counts less.
pub const K1: f64 = 1.2;
/// How much a long text counts less.
pub const B: f64 = 0.75;
/// What a near synonym counts.
pub const SYNONYM: f64 = 0.5;

/// Words that say nothing about a subject.
const STOP: &str = "a an the of and or to in on at by for from with is are was were be it its this that these those as if \
                    i me my do does did not no what which who how you your there than then so into here everything all one \
                    has have had will would can could should must they them their each any some where when";

/// Words that mean nearly the same to who looks for a method.
const SYNONYMS: &[&str] = &[
    "find search look retrieve locate",
    "similar near nearest close resemble alike",
    "delete remove erase drop forget",
    "create make insert add new",
    "update change set overwrite replace modify upsert",
    "store keep save record remember write",
    "count number many",
    "list scan enumerate",
    "random sample few",
    "group cluster partition",
    "snapshot checkpoint version archive",
    "statement query document",
    "run execute perform",
    "explain plan why",
    "sort order rank",
    "aggregate group sum",
    "not without anti except lack",
    "both intersect and",
    "table schema column",
    "important pagerank central",
    "degree edge",
    "edge link relationship connection relation arc",
    "ancestor parent root",
    "child below descendant",
    "check validate verify",
    "belief judgement truth judge",
    "answer ask question",
    "evidence revise pool",
    "conclude deduce deduction infer imply",
    "explanation abduce abduction cause guess hypothesis",
    "generalize induce induction example",
    "opposite negate negation not inverse",
    "contrapose contraposition negated",
    "choose trust believe prefer choice select",
    "intervene do set intervention",
    "observe observation see",
    "counterfactual imagine otherwise would",
    "adjust back door confounder",
    "separated separation independent dsep",
    "necessary necessity need",
    "sufficient sufficiency enough",
    "effect outcome consequence",
    "describe documentation argument help",
    "contradict conflict disagree",
    "sure confident confidence certain gap",
    "provenance come derive derivation origin",
    "goal target plan",
    "used usage budget memory",
    "feel feeling emotion qualia mood",
    "mix blend combine",
    "fade decay weaken",
    "permanent crystallize node",
    "temporary fluid ttl expiry evaporate expire",
    "merge consolidate join unite",
    "practise rehearse repeat",
    "active activation attention",
    "strengthen hebb hebbian fire weight",
    "reward reinforcement value",
    "class classify label category",
    "train classifier prototype",
    "analogy like",
    "predict next sequence",
    "factor resonator product apart",
    "xor bind",
    "majority bundle superpose vote",
    "rotate permute shift position",
    "set popcount one",
    "embedding vector float project",
    "text word encode",
    "time version when moment past yesterday",
    "undo rollback revert restore back",
    "copy fork branch clone",
    "trend slope rise fall over",
    "event interval",
    "wrote write blame author",
    "collapse measure",
    "noise flip decohere",
    "inverse adjoint reverse",
    "fingerprint vector bit hypervector",
    "record node row",
    "duplicate same pair",
    "component connected",
    "community propagation",
    "path route way",
    "variable cause",
    "graph network",
    "condition predicate filter where satisfy",
];

/// The stem of a word in lower case: endings of number, time and manner are cut.
pub fn stem(word: &str) -> String {
    const ENDINGS: [(&str, &str); 22] = [
        ("ations", ""),
        ("ation", ""),
        ("ities", ""),
        ("ity", ""),
        ("ness", ""),
        ("ments", ""),
        ("ment", ""),
        ("ings", ""),
        ("ing", ""),
        ("ions", ""),
        ("ion", ""),
        ("ies", "y"),
        ("ied", "y"),
        ("ers", ""),
        ("er", ""),
        ("est", ""),
        ("es", ""),
        ("ed", ""),
        ("ly", ""),
        ("al", ""),
        ("s", ""),
        ("e", ""),
    ];
    let mut stem = word.to_owned();
    for (ending, instead) in ENDINGS {
        if let Some(start) = word.strip_suffix(ending)
            && start.chars().count() >= 3
            && !(ending == "s" && start.ends_with('s'))
        {
            stem = format!("{start}{instead}");
            break;
        }
    }
    // `running`, `runs`; `computes`, `computing`.
    let mut letters = stem.chars().rev();
    if let (Some(last), Some(before)) = (letters.next(), letters.next())
        && last == before
        && stem.len() < word.len()
        && !matches!(last, 'a' | 'e' | 'i' | 'o' | 'u' | 'l' | 's')
    {
        stem.pop();
    }
    stem
}

/// The stems of a text's words in their order, without those that say nothing.
pub fn stems(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let stop: HashSet<&str> = STOP.split_whitespace().collect();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty() && !stop.contains(word))
        .map(stem)
        .collect()
}

/// What a query looks for: its stems, and those of near synonyms for less.
pub fn query(text: &str) -> BTreeMap<String, f64> {
    let own = stems(text);
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for group in SYNONYMS {
        let group = stems(group);
        if group.iter().any(|word| own.contains(word)) {
            all.extend(group.into_iter().map(|word| (word, SYNONYM)));
        }
    }
    all.extend(own.into_iter().map(|word| (word, 1.0)));
    all
}

/// The weight of each text, as its stems, for a query.
pub fn weights(texts: &[Vec<String>], query: &BTreeMap<String, f64>) -> Vec<f64> {
    let count = texts.len() as f64;
    let mean = texts.iter().map(Vec::len).sum::<usize>() as f64 / count;
    let mut frequencies: Vec<HashMap<&str, f64>> = Vec::new();
    let mut found: HashMap<&str, f64> = HashMap::new();
    for text in texts {
        let mut own: HashMap<&str, f64> = HashMap::new();
        for word in text {
            *own.entry(word).or_default() += 1.0;
        }
        for word in own.keys() {
            *found.entry(word).or_default() += 1.0;
        }
        frequencies.push(own);
    }
    let weight = |(own, text): (&HashMap<&str, f64>, &Vec<String>)| {
        let length = K1 * (1.0 - B + B * text.len() as f64 / mean);
        let word = |(word, weight): (&String, &f64)| {
            let (tf, df) = (own.get(word.as_str())?, found.get(word.as_str())?);
            let rarity = ((count - df + 0.5) / (df + 0.5) + 1.0).ln();
            Some(weight * rarity * tf * (K1 + 1.0) / (tf + length))
        };
        query.iter().filter_map(word).sum()
    };
    frequencies.iter().zip(texts).map(weight).collect()
}
