//! Labels of many scans.
