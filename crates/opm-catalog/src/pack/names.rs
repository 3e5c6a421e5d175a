//! Texts that are named by numbers.

/// The number of a text in [`Names`].
pub(super) type Name = u32;

/// Different texts, sorted by bytes, so that numbers compare as texts do.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Names {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Names {
    /// The names with these lengths in a text; `None` unless they fill it, and each begins with a character and is greater than
    /// the one before.
    pub(super) fn new(text: String, lengths: impl Iterator<Item = u32>) -> Option<Self> {
        let mut ends = Vec::with_capacity(lengths.size_hint().0);
        let mut end = 0_u32;
        for length in lengths {
            end = end.checked_add(length)?;
            if !text.is_char_boundary(end as usize) {
                return None;
            }
            ends.push(end);
        }
        let names = Self { text, ends };
        let is_sorted = (1..names.len()).all(|at| names.at(at - 1) < names.at(at));
        (end as usize == names.text.len() && is_sorted).then_some(names)
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn lengths(&self) -> impl Iterator<Item = u32> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| end - start)
    }

    fn at(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[start..self.ends[at] as usize]
    }

    /// The text of a name, which must be one of these.
    pub(super) fn get(&self, name: Name) -> &str {
        self.at(name as usize)
    }

    pub(super) fn find(&self, text: &str) -> Option<Name> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return u32::try_from(middle).ok(),
            }
        }
        None
    }
}

impl<'a> FromIterator<&'a str> for Names {
    /// Of texts that are sorted and different.
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut names = Self::default();
        for text in texts {
            names.text.push_str(text);
            names.ends.push(u32::try_from(names.text.len()).unwrap_or(u32::MAX));
        }
        names
    }
}
