//! A sorted list with positions.

/// Items in ascending order, found by value or by position.
///
/// The items lie in pieces of bounded length: an insertion moves one piece, not the list.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    pieces: Vec<Vec<T>>,
    len: usize,
}

/// Items of a full piece. Moving as many takes about a microsecond.
const PIECE: usize = 512;

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Ord> Sorted<T> {
    /// A list of items that are in order already.
    pub(super) fn from_ordered(items: impl IntoIterator<Item = T>) -> Self {
        let mut list = Self::default();
        for item in items {
            match list.pieces.last_mut() {
                Some(piece) if piece.len() < PIECE / 2 => piece.push(item),
                _ => {
                    let mut piece = Vec::with_capacity(PIECE / 2);
                    piece.push(item);
                    list.pieces.push(piece);
                }
            }
            list.len += 1;
        }
        list
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an item and gives its position.
    pub(super) fn insert(&mut self, item: T) -> usize {
        self.len += 1;
        // Most items come last: they must not be looked for.
        let at = self
            .piece_of(&item)
            .min(self.pieces.len().saturating_sub(1));
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.push(vec![item]);
            return 0;
        };
        let within = piece.partition_point(|other| *other < item);
        piece.insert(within, item);
        if piece.len() > PIECE {
            // A list that only grows at its end keeps full pieces.
            let keep = if within + 1 == piece.len() {
                PIECE
            } else {
                PIECE / 2
            };
            let rest = piece.split_off(keep);
            self.pieces.insert(at + 1, rest);
        }
        self.before(at) + within
    }

    /// Takes an item away and gives the position it had.
    pub(super) fn remove(&mut self, item: &T) -> Option<usize> {
        let at = self.piece_of(item);
        let piece = self.pieces.get_mut(at)?;
        let within = piece.binary_search(item).ok()?;
        piece.remove(within);
        self.len -= 1;
        if piece.is_empty() {
            self.pieces.remove(at);
        }
        Some(self.before(at) + within)
    }

    /// The position of an item.
    pub(super) fn position(&self, item: &T) -> Option<usize> {
        let at = self.piece_of(item);
        let within = self.pieces.get(at)?.binary_search(item).ok()?;
        Some(self.before(at) + within)
    }

    /// How many items come before this one, which need not be in the list.
    pub(super) fn rank(&self, item: &T) -> usize {
        let at = self.piece_of(item);
        let within = self
            .pieces
            .get(at)
            .map_or(0, |piece| piece.partition_point(|other| other < item));
        self.before(at) + within
    }

    /// The item at a position.
    pub(super) fn get(&self, position: usize) -> Option<&T> {
        self.iter_from(position).next()
    }

    /// All items from a position on.
    pub(super) fn iter_from(&self, position: usize) -> impl Iterator<Item = &T> {
        let mut skip = position;
        let mut first = self.pieces.len();
        for (at, piece) in self.pieces.iter().enumerate() {
            if skip < piece.len() {
                first = at;
                break;
            }
            skip -= piece.len();
        }
        let pieces = self.pieces.get(first..).unwrap_or_default();
        pieces.iter().flatten().skip(skip)
    }

    /// The first piece whose last item is not less than `item`.
    fn piece_of(&self, item: &T) -> usize {
        self.pieces
            .partition_point(|piece| piece.last().is_some_and(|last| last < item))
    }

    fn before(&self, at: usize) -> usize {
        self.pieces.iter().take(at).map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_plain_vector(
            start in 0_u16..2000,
            steps in proptest::collection::vec((any::<bool>(), 0_u16..3000), 0..400),
        ) {
            let mut model: Vec<u16> = (0..start).collect();
            let mut list = Sorted::from_ordered(0..start);
            for (add, item) in steps {
                match (model.binary_search(&item), add) {
                    (Err(at), true) => {
                        model.insert(at, item);
                        prop_assert_eq!(list.insert(item), at);
                    }
                    (Ok(at), false) => {
                        model.remove(at);
                        prop_assert_eq!(list.remove(&item), Some(at));
                    }
                    (Ok(at), true) => prop_assert_eq!(list.position(&item), Some(at)),
                    (Err(at), false) => {
                        prop_assert_eq!(list.remove(&item), None);
                        prop_assert_eq!(list.rank(&item), at);
                    }
                }
            }
            prop_assert_eq!(list.len(), model.len());
            let from = model.len() / 3;
            prop_assert!(list.iter_from(from).eq(&model[from..]));
            prop_assert_eq!(list.get(from), model.get(from));
        }
    }

    #[test]
    fn pieces_are_split_and_dropped() {
        let mut list = Sorted::default();
        for item in 0..10 * PIECE {
            assert_eq!(list.insert(item), item);
        }
        assert_eq!(list.pieces.len(), 10);
        for item in 0..10 * PIECE {
            assert_eq!(list.remove(&item), Some(0));
        }
        assert!(list.pieces.is_empty() && list.get(0).is_none());
    }
}
