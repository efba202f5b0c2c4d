//! Numbers as flow files keep them.

/// A number of a flow file that may be an integer or a float and stays what it is (flowfile.md §3).
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Written with tag `#`.
    Int(i64),
    /// Written with tag `^`.
    Float(f64),
}

impl Number {
    /// Seconds since the epoch, now.
    pub fn now() -> Self {
        Self::Float(unix_time())
    }

    /// The value as a float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(f) => f,
        }
    }
}

/// Seconds since the epoch, with fractions.
pub(crate) fn unix_time() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |d| d.as_secs_f64())
}

impl Default for Number {
    fn default() -> Self {
        Self::Float(0.0)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl PartialEq for Number {
    /// Equal by value, also across the two kinds.
    fn eq(&self, other: &Self) -> bool {
        self.as_f64() == other.as_f64()
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.as_f64().partial_cmp(&other.as_f64())
    }
}
