//! midwire-addons.
