//! How telling a word is: the weight of its features in a text's fingerprint.
//!
//! Stored fingerprints must not depend on what else is stored, so the weight is the word's own. It is the
//! information in meeting the word, log₂(paragraphs / paragraphs with it) bits (Spärck Jones 1972,
//! inverse document frequency), counted in 132,000 paragraphs of English documentation of software and averaged
//! over its kinds; words that only join others weigh at most 3. A word that is not among the thousand
//! most frequent, or of another language, weighs [`TELLING`]. Stored bits depend on the table.

use std::sync::LazyLock;

use hashbrown::HashMap;

/// The weight of a word that is in no row of the table.
pub(super) const TELLING: u64 = 10;

/// The weight of a case-folded word, 1..=[`TELLING`].
pub(super) fn word_weight(word: &str) -> u64 {
    static WEIGHTS: LazyLock<HashMap<&str, u64>> = LazyLock::new(|| {
        FREQUENT
            .iter()
            .flat_map(|&(weight, words)| {
                words
                    .split_ascii_whitespace()
                    .map(move |word| (word, weight))
            })
            .collect()
    });
    // Most words of a text are looked up in vain or are short; none in the table is longer.
    if word.len() > LONGEST {
        return TELLING;
    }
    WEIGHTS.get(word).copied().unwrap_or(TELLING)
}

/// Bytes of the longest word in the table.
const LONGEST: usize = 15;

/// Frequent words by weight.
const FREQUENT: &[(u64, &str)] = &[
    (1, "a the to"),
    (2, "and for in is of this"),
    (
        3,
        "about above across after again against all almost along already also always am among an \
         another any are around as at be because been before behind being below between beyond both but \
         by can cannot could did do does doing done during each either etc even ever every few from \
         further had has have having he her here him his how however i if into it its itself just less \
         like many may me might more most much must my near neither never no nor not now off often on \
         once one only onto or other our ours out over own per rather really same several shall she \
         should since so some still such than that their theirs them themselves then there these they \
         those though through thus too toward towards under unless until up upon us very via was we \
         well were what whatever when whenever where whereas wherever whether which whichever while who \
         whoever whom whose why will with within without would yet you your yours",
    ),
    (4, "data default function returns set use used using value"),
    (
        5,
        "array code e error example file first given method new number object return returned s see \
         string time type values",
    ),
    (
        6,
        "add api argument arguments available based buffer build bytes c call called case check class \
         create current different feature following functions g get implementation information input \
         instance instead integer key length line list make memory methods module multiple n name need \
         non note optional order otherwise output passed path possible process provided read request \
         result run single size specified state stream support test true two types user uses version x",
    ),
    (
        7,
        "access added additional address algorithm allow allows arrays associated automatically avoid b \
         base behavior binary bit byte calling calls cases change changes character characters client \
         command common configuration connection contain containing contains context convert copy \
         corresponding created creates currently d defined details directly directory documentation \
         doesn't don't element elements empty enabled encoding end ensure entry environment equal \
         equivalent errors event examples expected f false features field fields files find fixed flag \
         flags float format found full future generated handle header http id implement include \
         including index internal invalid it's iterator large last least level library local log map \
         match maximum means message minimum mode names necessary next node none null o objects \
         operation option options original parameter parameters parse parser part pass performance \
         point provide provides random range raw reference release remove removed representation \
         required requires response results running runtime search second self sequence server sets \
         setting signal similar socket source specific standard start strings supported system take \
         target task tests text thread times underlying useful v valid variable want way windows work \
         write written zero",
    ),
    (
        8,
        "able absolute accept active actual actually addition adds allowed alternative amount \
         application applied apply appropriate arbitrary args ascii assert attempt attribute attributes \
         back best better bits block body boolean bound bounds building built cache callback cause \
         changed channel checks child classes close closed collection compatibility compatible compile \
         compiler complete complex components compute computed consider considered constant construct \
         constructor content contents control converted core correct correctly corresponds count cpu \
         creating custom date defaults define depending deprecated descriptor determine difference \
         disable disabled distribution due else enable encoded entire entries events exactly except \
         exception execution exist existing exists exit explicitly expression extension extra fail \
         fails failure fast faster filter final fit floating form frame free fs functionality general \
         generally generate generator generic gets global greater group guaranteed handler handling \
         hash headers help helper high html ignored immediately implementations implemented implements \
         import included includes indicates indicating indices info initial inside instances int \
         intended interface invoked io issue item items iteration json k keep kernel keys kind known \
         larger later left limit lines link linux load location lock long longer look loop low lower m \
         macro made main makes mask matches matching max messages metadata missing model modules multi \
         named needed needs negative normal notes numbers occurs offset old open operations os outside \
         p package pair pairs parallel parent parsed parsing particular passing pattern perform place \
         platform platforms please pointer points pool position positive prefix present previous \
         previously print private problem produce program properties property protocol public queue r \
         re readable reading real received recommended record references regular relative report \
         represent representing represents requests require resource resulting returning rfc right root \
         runs safe sample scope section send sent service shared show shows side simple slice small \
         space special specify split stack starting static status std step stop store stored str \
         strategy struct structure style supports sure syntax systems t table takes targets tasks \
         testing therefore threads three timeout token top total tree try tuple typically u unicode \
         unix update url usage users usually utf variables various vector versions warning worker \
         working works wrapper writing y z",
    ),
    (
        9,
        "accepts according action adding allocated allowing anything apis applications applies async \
         asynchronous attempts basic beginning big blocking blocks caller certain checking choose chunk \
         clear color column compiled component computes condition conditions config connect constructed \
         contained continue convenience conversion correspond debug defines dependencies dependency \
         depends described description desired determined dictionary display doc docs document domain \
         double down drop effect efficient emitted enables encode endian engine enough exact execute \
         executed explicit extensions extract failed fill fix follow follows formats formatting forward \
         fully generates give good groups h hand handled handles higher host identifier ignore \
         implementing important improve indicate individual initialization initialized inner inputs \
         install installed integers internally interval isn't issues j know l language layer let \
         libraries likely little machine major making mapping mark mean modified move nan native nested \
         net network nothing numeric occur ones operating optimization overflow override padding page \
         partial parts paths patterns performed policy port posix power pre precision prevent prior \
         problems processes processing produced progress project properly providing purpose python \
         query reads ready reason receive reduce refer regex registered regression related remaining \
         replace replaced represented requested requirement requirements reset resolve respectively rng \
         rules rust samples scalar script seconds selected separate shape short sign signature signed \
         significant simply skip smaller something span sparse specifically specifies stable states \
         streams sub success successfully supplied tag taken temporary terminal terms things timestamp \
         together tokens trace trailing transform treated undefined unique unit unknown unlike updated \
         upgrade validation variant view w wait whole word words wrap wrapped writes",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_holds_each_word_once_and_none_too_long() {
        let mut seen = HashSet::new();
        for &(weight, words) in FREQUENT {
            assert!((1..TELLING).contains(&weight));
            for word in words.split_ascii_whitespace() {
                assert!(seen.insert(word), "{word} is there twice");
                assert!(word.len() <= LONGEST, "{word} is longer than {LONGEST}");
                assert_eq!(word_weight(word), weight);
            }
        }
    }

    #[test]
    fn telling_words_weigh_more_than_common_ones() {
        let weights = ["the", "with", "use", "file", "server", "chess"].map(word_weight);
        assert!(weights.is_sorted(), "{weights:?}");
        assert_eq!(weights[5], TELLING);
        assert_eq!(word_weight("straßenbahn"), TELLING);
    }
}
