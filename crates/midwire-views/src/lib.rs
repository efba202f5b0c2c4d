//! midwire-views.
