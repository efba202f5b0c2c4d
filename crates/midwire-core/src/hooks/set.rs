//! Sets of hooks as one machine word.

use super::Hook;

/// A set of hooks.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct HookSet(u64);

impl HookSet {
    /// No hook.
    pub const EMPTY: Self = Self(0);
    /// Not a hook: the addon wants to be asked what content it needs ([`super::Addon::content_need`]).
    pub const CONTENT: Self = Self(1 << 63);

    /// Not a hook of the engine: the addon wants to know which flows were changed ([`super::Addon::update`]).
    pub const UPDATE: Self = Self(1 << 62);

    /// The set of these hooks.
    pub const fn of(hooks: &[Hook]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < hooks.len() {
            #[expect(
                clippy::indexing_slicing,
                reason = "the loop condition bounds the index; iterators are not const"
            )]
            let hook = hooks[i] as u64;
            bits |= 1 << hook;
            i += 1;
        }
        Self(bits)
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if the hook is in the set.
    pub const fn contains(self, hook: Hook) -> bool {
        self.0 & (1 << hook as u64) != 0
    }

    /// True if no hook is in both sets.
    pub const fn is_disjoint(self, other: Self) -> bool {
        self.0 & other.0 == 0
    }

    /// True if the addon wants to be asked what content it needs.
    pub const fn wants_content(self) -> bool {
        self.0 & Self::CONTENT.0 != 0
    }

    /// True if the addon wants to know which flows were changed.
    pub const fn wants_updates(self) -> bool {
        self.0 & Self::UPDATE.0 != 0
    }

    /// The set as a word, for atomics.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// The set of such a word.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl std::fmt::Debug for HookSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(
                Hook::ALL
                    .iter()
                    .filter(|h| self.contains(**h))
                    .map(|h| h.name()),
            )
            .finish()
    }
}
