//! Files of the finished part: STL, masks, report. Written aside, synced, then renamed.
