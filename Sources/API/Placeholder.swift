// Place holder.
