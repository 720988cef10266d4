//! The built-in concepts, at prefix 0x08: the 65 semantic primes of the Natural Semantic Metalanguage (Goddard and
//! Wierzbicka, *Words and Meanings*, 2014, table 1.1), and an upper vocabulary of kinds. A space fills the 128 slots behind
//! them with words of its own.

use super::address::Address;
use super::words::{CONCEPT_OPEN_FIRST, CONCEPT_PREFIX};

/// How many of the concepts, from the first, are semantic primes.
pub const PRIMES: usize = 65;

/// A concept that every space has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concept {
    /// Its name: a prime in capitals, a kind as kinds are written.
    pub name: &'static str,
    /// What it means, as a phrase.
    pub doc: &'static str,
}

const fn concept(name: &'static str, doc: &'static str) -> Concept {
    Concept { name, doc }
}

/// The address of a built-in concept.
pub const fn address_of(slot: u8) -> Address {
    Address::new(CONCEPT_PREFIX, slot)
}

/// The built-in concepts; a concept's slot is its place here.
pub const CONCEPTS: [Concept; CONCEPT_OPEN_FIRST as usize] = [
    concept("I", "the one who says this; also me"),
    concept("YOU", "the one to whom this is said"),
    concept("SOMEONE", "a being that can think and want, whoever it is"),
    concept("SOMETHING", "what is not someone; also thing"),
    concept("PEOPLE", "many someones who live together"),
    concept("BODY", "what someone moves and feels with"),
    concept("KIND", "what things are that are alike"),
    concept("PART", "something of something larger"),
    concept("THIS", "what is pointed at now"),
    concept("THE_SAME", "not another one"),
    concept("OTHER", "not the same one; also else"),
    concept("ONE", "a single one"),
    concept("TWO", "one and one other"),
    concept("SOME", "one or more, not all"),
    concept("ALL", "every one, without exception"),
    concept("MUCH", "a large amount or number; also many"),
    concept("LITTLE", "a small amount or number; also few"),
    concept("GOOD", "as one wants things to be"),
    concept("BAD", "as one does not want things to be"),
    concept("BIG", "of large size"),
    concept("SMALL", "of little size"),
    concept("THINK", "to have a thought about something"),
    concept(
        "KNOW",
        "to think something that is true and be able to say so",
    ),
    concept("WANT", "to feel that something should happen"),
    concept("DONT_WANT", "to feel that something should not happen"),
    concept("FEEL", "to have a good or bad sensation or emotion inside"),
    concept("SEE", "to perceive with the eyes"),
    concept("HEAR", "to perceive with the ears"),
    concept("SAY", "to express something to someone"),
    concept("WORDS", "what something is said with"),
    concept("TRUE", "as it is said to be"),
    concept("DO", "to act"),
    concept("HAPPEN", "to take place"),
    concept("MOVE", "to be in one place and then in another"),
    concept("BE_SOMEWHERE", "to be located in a place"),
    concept("THERE_IS", "to exist"),
    concept("BE_SOMEONE", "to be someone or something of a certain kind"),
    concept("MINE", "what belongs to me"),
    concept("LIVE", "to be alive"),
    concept("DIE", "to stop being alive"),
    concept("WHEN", "at what time; also time"),
    concept("NOW", "at this time"),
    concept("BEFORE", "at an earlier time"),
    concept("AFTER", "at a later time"),
    concept("A_LONG_TIME", "during much time"),
    concept("A_SHORT_TIME", "during little time"),
    concept("FOR_SOME_TIME", "during a while"),
    concept(
        "MOMENT",
        "a very short time, at which something happens at once",
    ),
    concept("WHERE", "in what place; also place"),
    concept("HERE", "in this place"),
    concept("ABOVE", "in a higher place"),
    concept("BELOW", "in a lower place; under"),
    concept("FAR", "at a large distance"),
    concept("NEAR", "at a small distance"),
    concept("SIDE", "on the left or on the right of something"),
    concept("INSIDE", "within the bounds of something"),
    concept("TOUCH", "to be in contact with something"),
    concept("NOT", "it is otherwise"),
    concept("MAYBE", "it is possible, and not known"),
    concept("CAN", "to be able to"),
    concept("BECAUSE", "for the reason or cause that"),
    concept("IF", "on the condition that"),
    concept("VERY", "to a high degree"),
    concept("MORE", "to a higher degree, or in addition"),
    concept("LIKE", "in the same way as; also way, as"),
    concept("Entity", "anything that is"),
    concept("Agent", "who or what acts by itself"),
    concept("Person", "a human being"),
    concept(
        "Organization",
        "people who act together by rules, such as a company, a school or a state",
    ),
    concept("Group", "several that belong together"),
    concept("Family", "people who are related by birth or marriage"),
    concept("Organism", "a living being"),
    concept("Animal", "a living being that moves and feels"),
    concept(
        "Plant",
        "a living being that grows in one place, such as a tree or a flower",
    ),
    concept("Substance", "stuff, such as water, iron or air"),
    concept("Food", "what is eaten or drunk"),
    concept("Object", "a thing of matter with bounds of its own"),
    concept("Artifact", "an object that somebody made"),
    concept("Tool", "an artifact to do something with"),
    concept("Machine", "a tool that moves or works by itself"),
    concept("Vehicle", "what people or goods travel in"),
    concept("Building", "what people live or work in"),
    concept("Software", "a program, or what consists of programs"),
    concept(
        "Document",
        "writing that is kept, such as a letter, a page or a book",
    ),
    concept("Image", "what shows how something looks"),
    concept("Sound", "what can be heard, such as music or a voice"),
    concept(
        "Work",
        "what somebody created, such as a novel, a painting or a song",
    ),
    concept("Product", "what is made to be sold"),
    concept("Place", "where something can be"),
    concept(
        "Region",
        "a large place, such as a forest, a sea or a province",
    ),
    concept("Country", "a region with a state of its own"),
    concept("City", "a place where many people live"),
    concept(
        "Event",
        "what happens at some time, such as a meeting, a war or a storm",
    ),
    concept("Process", "what goes on over time, in steps"),
    concept("Action", "what an agent does on purpose"),
    concept("State", "how something is for some time"),
    concept("Disease", "a state of a body that is bad for it"),
    concept("Time", "when something is"),
    concept("Interval", "the time between two moments"),
    concept("Date", "a day of the calendar"),
    concept("Quantity", "how much or how many"),
    concept("Number", "what one counts or calculates with"),
    concept(
        "Unit",
        "what quantities are measured in, such as a metre or a second",
    ),
    concept("Money", "what one pays with"),
    concept("Property", "what something is like"),
    concept("Relation", "how things stand to each other"),
    concept(
        "Role",
        "what somebody is for others, such as a teacher or a customer",
    ),
    concept("Idea", "what somebody thinks of"),
    concept("Theory", "ideas that explain something together"),
    concept("Hypothesis", "an idea that is to be tested"),
    concept("Evidence", "what speaks for or against an idea"),
    concept("Fact", "what is so"),
    concept("Belief", "what somebody holds to be so"),
    concept("Rule", "what is to be done, or holds, under a condition"),
    concept("Method", "a way of doing something"),
    concept("Plan", "steps towards a goal"),
    concept("Goal", "what somebody wants to reach"),
    concept("Problem", "what stands between somebody and a goal"),
    concept("Question", "what somebody wants to know"),
    concept("Answer", "what is said to a question"),
    concept("Decision", "a choice that was made"),
    concept("Risk", "something bad that may happen"),
    concept("Emotion", "what somebody feels, such as joy or fear"),
    concept("Skill", "what somebody can do well"),
    concept(
        "Language",
        "words and the rules by which they are put together",
    ),
    concept("Message", "what somebody tells somebody else"),
    concept("Conversation", "messages that answer each other"),
    concept("Memory", "what somebody or something remembers"),
];

/// The slot of a built-in concept, whatever the case.
pub fn slot(name: &str) -> Option<u8> {
    let at = CONCEPTS
        .iter()
        .position(|concept| concept.name.eq_ignore_ascii_case(name))?;
    Some(at as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::verbs::is_verb_name;

    #[test]
    fn the_primes_lead_and_every_concept_has_a_name_of_its_own() {
        for (at, concept) in CONCEPTS.iter().enumerate() {
            assert!(is_verb_name(concept.name), "{}", concept.name);
            assert_eq!(slot(&concept.name.to_lowercase()), Some(at as u8));
            let is_prime = !concept.name.contains(char::is_lowercase);
            assert_eq!(is_prime, at < PRIMES, "{}", concept.name);
            assert!(!concept.doc.is_empty() && !concept.doc.ends_with('.'));
        }
    }
}
