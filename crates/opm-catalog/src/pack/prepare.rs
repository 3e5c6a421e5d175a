//! A bundle to its answers, encoded and divided.

use std::collections::BTreeMap;

use opm_model::{Bundle as Answer, Gvk};

use super::answer::{Common, Placed, Whole};
use super::recipe::{self, Piece, SHARED};
use super::{Encoding, Error};

/// A bundle's answers in pieces.
pub(super) struct Prepared {
    /// What the answers share, with their digests.
    pub(super) texts: Vec<(String, [u8; 32])>,
    pub(super) places: Vec<Pair>,
    /// What the bundle provides.
    pub(super) apis: Vec<Gvk>,
}

/// The two answers about a bundle at one of its places.
pub(super) struct Pair {
    /// The number of the channel.
    pub(super) channel: usize,
    /// With all content.
    pub(super) full: Vec<Piece>,
    /// As listed.
    pub(super) listed: Vec<Piece>,
}

/// Texts that are likely to be in encoded answers as they are.
struct Texts<'a> {
    different: Vec<&'a str>,
    /// Their numbers in the order in which they are in a full answer.
    in_order: Vec<(usize, &'a str)>,
    /// How many of these are content.
    contents: usize,
}

impl<'a> Texts<'a> {
    fn of(Common { answer, is_synthetic }: &'a Common) -> Self {
        let contents = std::iter::once(&answer.csv_json).chain(&answer.objects).map(String::as_str);
        let values = answer.dependencies.iter().chain(&answer.properties).map(|property| property.value.as_str());
        let is_long = |text: &&str| text.len() >= SHARED;
        let mut in_order: Vec<&str> = if *is_synthetic {
            contents.flat_map(recipe::cut).filter(|piece| !piece.is_empty()).collect()
        } else {
            contents.filter(is_long).collect()
        };
        let contents = in_order.len();
        in_order.extend(values.filter(is_long));
        let (mut different, mut numbers) = (Vec::new(), BTreeMap::new());
        let number = |text: &'a str| {
            let number = *numbers.entry(text).or_insert(different.len());
            if number == different.len() {
                different.push(text);
            }
            (number, text)
        };
        Self { in_order: in_order.into_iter().map(number).collect(), contents, different }
    }
}

/// Encodes all answers about a bundle.
pub(super) fn prepare(whole: &Whole<'_>, of: &Placed<'_>, encoding: &Encoding) -> Result<Prepared, Error> {
    let bundle = of.bundle;
    let fault = |message| Error::Bundle { package: bundle.package.clone(), bundle: bundle.name.clone(), message };
    let common = whole.answer(of, bundle).map_err(fault)?;
    let texts = Texts::of(&common);
    let answer = &common.answer;
    // As listed, a bundle with an image comes without its content.
    let is_light = !answer.image.is_empty();
    let light = is_light.then(|| without_content(answer));
    let listed_texts = if is_light { &texts.in_order[texts.contents..] } else { &texts.in_order };
    let encode =
        |answer: Answer, texts: &[(usize, &str)]| recipe::divide(&(encoding.bundle)(answer), texts.iter().copied());
    let mut places = Vec::with_capacity(of.entries.len());
    for &(channel, entry) in &of.entries {
        let here = |answer: &Answer| Answer {
            channel: whole.channels[channel].name.clone(),
            skip_range: entry.skip_range.clone(),
            ..answer.clone()
        };
        let full = encode(here(answer), &texts.in_order);
        let mut listed = here(light.as_ref().unwrap_or(answer));
        listed.replaces.clone_from(&entry.replaces);
        listed.skips.clone_from(&entry.skips);
        places.push(Pair { channel, full, listed: encode(listed, listed_texts) });
    }
    let digested = |text: &str| (text.to_owned(), *blake3::hash(text.as_bytes()).as_bytes());
    let texts = texts.different.into_iter().map(digested).collect();
    Ok(Prepared { texts, places, apis: common.answer.provided_apis })
}

fn without_content(answer: &Answer) -> Answer {
    let mut light = answer.clone();
    light.csv_json = String::new();
    light.objects = Vec::new();
    light
}
